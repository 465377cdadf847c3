"""The kernel of a pair against autograd, CHES against its definition."""

import pytest
import torch
from torch import Tensor

from antigrad.core import InputTypeError
from antigrad.credit import Head
from antigrad.credit.pairs import pair_kernel
from antigrad.credit.pairs.ches import ches_scores


def drawn(seed: int = 0) -> dict[str, Tensor]:
    rng = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=rng, dtype=torch.float64)

    masks = [torch.arange(6) < torch.tensor(lengths)[:, None] for lengths in ([6, 1, 3], [2, 5, 4])]
    tokens = [torch.randint(0, 7, (3, 6), generator=rng) for _ in range(2)]
    names = ("chosen", "rejected")
    sides = {f"{name}_hidden": normal(3, 6, 4) for name in names}
    sides |= {f"{name}_tokens": token for name, token in zip(names, tokens, strict=True)}
    sides |= {f"{name}_mask": mask for name, mask in zip(names, masks, strict=True)}
    return {"weight": normal(7, 4)} | sides


def test_kernel_is_that_of_autograd() -> None:
    given = drawn()
    weight = given.pop("weight")

    def gradient(side: str, row: int) -> Tensor:
        leaf = weight.clone().requires_grad_()
        mask = given[f"{side}_mask"][row]
        logits = given[f"{side}_hidden"][row][mask] @ leaf.T
        log_prob = torch.log_softmax(logits, -1).gather(-1, given[f"{side}_tokens"][row][mask][:, None]).sum()
        return torch.autograd.grad(log_prob, leaf)[0]

    kernel = pair_kernel(Head(weight), **given)
    for row in range(3):
        up, down = gradient("chosen", row), gradient("rejected", row)
        for found, expected in ((kernel.chosen, up * up), (kernel.cross, up * down), (kernel.rejected, down * down)):
            assert found[row].item() == pytest.approx(expected.sum().item(), abs=1e-12)
        cosine = torch.cosine_similarity(up.flatten(), down.flatten(), 0).item()
        assert kernel.cosine()[row].item() == pytest.approx(cosine, abs=1e-12)


def test_padding_of_the_kernel_is_not_read() -> None:
    given = drawn()
    head = Head(given.pop("weight"))
    spoiled = given | {
        f"{side}_hidden": torch.where(given[f"{side}_mask"][..., None], given[f"{side}_hidden"], torch.nan)
        for side in ("chosen", "rejected")
    }
    one, other = pair_kernel(head, **given), pair_kernel(head, **spoiled)
    assert torch.equal(one.cross, other.cross) and torch.equal(one.rejected, other.rejected)


def test_an_empty_response_pushes_nothing() -> None:
    given = drawn()
    head = Head(given.pop("weight"))
    given["rejected_mask"] = torch.zeros_like(given["rejected_mask"])
    kernel = pair_kernel(head, **given)
    assert kernel.cross.tolist() == kernel.rejected.tolist() == kernel.cosine().tolist() == [0.0, 0.0, 0.0]


def test_ches_by_its_definition() -> None:
    given = drawn(1)
    w, r = given["chosen_hidden"], given["rejected_hidden"]
    ches, ln_ches = ches_scores(w, given["chosen_mask"], r, given["rejected_mask"])
    for row, (long, short) in enumerate(((6, 2), (1, 5), (3, 4))):
        up, down = w[row, :long].sum(0), r[row, :short].sum(0)
        assert ches[row].item() == pytest.approx(float(up @ down - up @ up), abs=1e-11)
        per_token = float(up @ down) / (long * short) - float(up @ up) / long**2
        assert ln_ches[row].item() == pytest.approx(per_token, abs=1e-12)


def test_ches_does_not_see_padding_or_the_batch() -> None:
    given = drawn(2)
    w, mask = given["chosen_hidden"], given["chosen_mask"]
    spoiled = torch.where(mask[..., None], w, torch.inf)
    whole = ches_scores(spoiled, mask, given["rejected_hidden"], given["rejected_mask"])
    for row in range(3):
        length = int(mask[row].sum())
        single = ches_scores(
            w[row : row + 1, :length],
            mask[row : row + 1, :length],
            given["rejected_hidden"][row : row + 1],
            given["rejected_mask"][row : row + 1],
        )
        for one, other in zip(whole, single, strict=True):
            assert one[row].item() == pytest.approx(other.item(), rel=1e-12)


def test_ches_of_the_same_response_is_zero_and_half_precision_does_not_overflow() -> None:
    states, mask = torch.full((1, 50, 64), 40.0, dtype=torch.float16), torch.ones(1, 50).bool()
    assert [value.item() for value in ches_scores(states, mask, states, mask)] == [0.0, 0.0]
    ches, _ = ches_scores(states, mask, 2 * states, mask)
    assert ches.item() == pytest.approx(64 * (50 * 40.0) ** 2)


def test_shapes_that_do_not_fit() -> None:
    given = drawn()
    head = Head(given.pop("weight"))
    with pytest.raises(InputTypeError, match="one state per token"):
        pair_kernel(head, **(given | {"chosen_mask": given["chosen_mask"][:, :2]}))
    with pytest.raises(InputTypeError, match="one state per token"):
        ches_scores(
            given["chosen_hidden"][:, :2], given["chosen_mask"], given["rejected_hidden"], given["rejected_mask"]
        )
