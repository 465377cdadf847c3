"""Parts of an objective stay apart until the one place where they are summed."""

from dataclasses import FrozenInstanceError

import pytest
import torch

from antigrad.core import InputTypeError, Parts


def parts(*values: float) -> Parts:
    return Parts(*(torch.tensor(value, dtype=torch.float64) for value in values))


def test_total_weighs_only_the_down_part() -> None:
    assert parts(1.0, 10.0, 100.0).total().item() == 111
    assert parts(1.0, 10.0, 100.0).total(0.5).item() == 106
    assert parts(1.0, 10.0, 100.0).total(torch.tensor(-1.0)).item() == 91


def test_gradient_of_the_total_carries_the_weight() -> None:
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    Parts(x[0] * 2, x[1] * 3, x[2] * 4).total(0.25).backward()
    assert x.grad is not None and x.grad.tolist() == [2.0, 0.75, 4.0]


def test_names_come_in_order_and_match() -> None:
    assert [(name, value.item()) for name, value in parts(1.0, 2.0, 3.0).items()] == [
        ("up", 1.0),
        ("down", 2.0),
        ("anchor", 3.0),
    ]


def test_addition_is_part_by_part() -> None:
    added = parts(1.0, 2.0, 3.0) + parts(10.0, 20.0, 30.0)
    assert [value.item() for _, value in added.items()] == [11.0, 22.0, 33.0]  # noqa: PERF102


def test_detached_keeps_values_and_drops_the_graph() -> None:
    x = torch.tensor(2.0, requires_grad=True)
    found = Parts(x * 1, x * 2, x * 3).detached()
    assert [(value.item(), value.requires_grad) for _, value in found.items()] == [  # noqa: PERF102
        (2.0, False),
        (4.0, False),
        (6.0, False),
    ]


def test_zeros_have_the_dtype_and_no_shared_memory() -> None:
    found = Parts.zeros(torch.ones(3, dtype=torch.bfloat16))
    assert found.up.dtype == torch.bfloat16
    found.up.add_(1)
    assert (found.down.item(), found.anchor.item(), found.up.item()) == (0.0, 0.0, 1.0)


@pytest.mark.parametrize("bad", [torch.zeros(1), torch.zeros(2, 3), 1.0, None])
@pytest.mark.parametrize("name", ["up", "down", "anchor"])
def test_what_is_no_scalar_tensor_is_refused_by_name(name: str, bad: object) -> None:
    values = {part: torch.zeros(()) for part in ("up", "down", "anchor")} | {name: bad}
    with pytest.raises(InputTypeError, match=f"Parts.{name}"):
        Parts(**values)  # type: ignore[arg-type]


def test_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        parts(1.0, 2.0, 3.0).up = torch.zeros(())  # type: ignore[misc]
