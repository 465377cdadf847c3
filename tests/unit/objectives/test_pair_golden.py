"""The golden pair under every loss, and TRL's own code on random pairs."""

import importlib.util
import math
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor

from antigrad.core import InputValueError
from antigrad.objectives import PAIR_LOSSES, PairLoss
from antigrad.objectives.pairs.vpo import constraint
from helpers.preferences import float64, golden, random_pairs, trl_loss

ZERO = {"baseline": torch.zeros(())}
TABLE: list[tuple[str, dict[str, Tensor], tuple[float, float, float]]] = [
    ("dpo", {}, (0.6117553389, 0.0457602059, 0.0457602059)),
    ("dpo_shift(factor=0.95)", {}, (0.6174947622, 0.0460706194, 0.0437670884)),
    ("scaled", {"factor": float64(0.95)}, (0.6174947622, 0.0460706194, 0.0437670884)),
    ("mappo", {"reward_gap": float64(0.95)}, (0.6174947622, 0.0460706194, 0.0437670884)),
    ("vpo(beta=0.1)", {"pvi": float64(-1)}, (0.6995498698, 0.0503191118, 0.0135328934)),
    ("vpo(beta=0.1,reading=continuous)", {"pvi": float64(-1)}, (0.6662826617, 0.0486385688, 0.0261618517)),
    ("dpop(penalty=5)", {}, (0.8147451567, 0.3343487128, 0.0557247855)),
    ("rpo(alpha=1)", {}, (2.1117553389, 0.1707602059, 0.0457602059)),
    ("cal_dpo(beta=0.1)", {}, (20.1127860294, 5.9544652651, 2.6544652651)),
    ("bdpo", {}, (0.7024774330, 0.0504643430, 0.0038281332)),
    ("npo", {}, (11.5187883976, 0.0, 0.8756469982)),
    ("simnpo", {}, (0.0000548454, 0.0, 0.0000246789)),
    ("simpo", {}, (0.6931471806, 0.1250000000, 0.1000000000)),
    ("cdpo", {}, (0.6287553389, 0.0357602059, 0.0357602059)),
    ("slic(nll=0.1)", {}, (0.1500000000, 0.0125000000, 0.0)),
    ("hinge", {}, (0.8300000000, 0.1000000000, 0.1000000000)),
    ("ipo(margin=5,per_token=true)", {}, (23.5225000000, 1.2125000000, 0.9700000000)),
    ("exo(label_smoothing=0.1)", {}, (0.4212673179, 0.0503162035, 0.0503162035)),
    ("nca", {}, (1.3488901609, 0.0279984010, 0.0218911750)),
    ("robust", {}, (0.5905053389, 0.0582602059, 0.0582602059)),
    ("bco", ZERO, (1.3098863872, 0.0519989340, 0.0437823499)),
    ("sppo", {}, (39.8900000000, 11.6000000000, 5.0000000000)),
    ("apo_zero", {}, (0.9578128393, 0.0249600426, 0.0246134083)),
    ("apo_down", {}, (0.9376127191, -0.0001398012, 0.0248202415)),
    ("discopop", {}, (0.8361751922, 0.0686241871, 0.0686241871)),
    ("sigmoid_norm", {}, (0.6856753053, 0.0062031259, 0.0049625007)),
]
IN_TRL = {
    "sigmoid": "dpo",
    "hinge": "hinge",
    "ipo": "ipo(margin=5,per_token=true)",
    "exo_pair": "exo(label_smoothing=0.1)",
    "nca_pair": "nca",
    "robust": "robust",
    "bco_pair": "bco",
    "sppo_hard": "sppo",
    "apo_zero": "apo_zero",
    "apo_down": "apo_down",
    "discopop": "discopop",
    "sigmoid_norm": "sigmoid_norm",
}


@pytest.mark.parametrize(("spec", "more", "expected"), TABLE, ids=[row[0] for row in TABLE])
def test_golden_pair(spec: str, more: dict[str, Tensor], expected: tuple[float, float, float]) -> None:
    out = PAIR_LOSSES.make(spec)(golden(**more))
    found = (out.parts.total().item(), out.weights.chosen.item(), out.weights.rejected.item())
    assert found == pytest.approx(expected, abs=5.1e-11, rel=0)
    assert out.losses.item() == pytest.approx(found[0], abs=1e-14)


def test_kto_is_apo_zero_where_the_policy_has_not_moved() -> None:
    pairs = golden(**ZERO)
    one, other = (PAIR_LOSSES.make(name)(pairs) for name in ("kto", "apo_zero"))
    torch.testing.assert_close(one.losses, other.losses, atol=0, rtol=0)
    moved = PAIR_LOSSES.make("kto")(replace(pairs, baseline=torch.tensor(1.0)))
    assert moved.losses.item() == pytest.approx(1 / (1 + math.exp(-0.18)) + 1 / (1 + math.exp(0.35)), abs=1e-12)


def test_unlikelihood_by_hand() -> None:
    out = PAIR_LOSSES.make("unlikelihood(nll=0.5)")(golden())
    p = math.exp(-2)
    assert out.losses.item() == pytest.approx(-10 * math.log(1 - p) + 0.5 * 12, abs=1e-12)
    assert out.weights.chosen.item() == 0.5
    assert out.weights.rejected[0].tolist() == pytest.approx([p / (1 - p)] * 10, abs=1e-14)


@pytest.mark.parametrize(("theirs", "ours"), IN_TRL.items(), ids=IN_TRL)
def test_trl_s_own_code_gives_the_same_loss_and_gradient(theirs: str, ours: str) -> None:
    pytest.importorskip("trl")
    pairs = replace(random_pairs(7, seed=3), baseline=torch.zeros((), dtype=torch.float64))
    grown = replace(
        pairs, chosen=pairs.chosen.clone().requires_grad_(), rejected=pairs.rejected.clone().requires_grad_()
    )
    loss = trl_loss(theirs, grown)
    up, down = torch.autograd.grad(loss, (grown.chosen, grown.rejected))
    out = PAIR_LOSSES.make(ours)(pairs)
    torch.testing.assert_close(out.parts.total(), loss.detach(), atol=1e-12, rtol=1e-12)
    torch.testing.assert_close(out.weights.chosen / 7, -up, atol=1e-13, rtol=1e-11)
    torch.testing.assert_close(out.weights.rejected / 7, down, atol=1e-13, rtol=1e-11)


@pytest.mark.parametrize(
    ("pvi", "paper", "continuous"),
    [
        (-5, 0.9933071491, 0.9866142982),
        (-3, 0.9525741268, 0.9051482536),
        (-1, 0.7310585786, 0.4621171573),
        (-0.1, 0.5249791875, 0.0499583750),
        (0, 0, 0),
        (2, 0, 0),
    ],
)
def test_constraint_by_pvi(pvi: float, paper: float, continuous: float) -> None:
    value = float64(pvi)
    assert constraint(value).item() == pytest.approx(paper, abs=5.1e-11)
    assert constraint(value, "continuous").item() == pytest.approx(continuous, abs=5.1e-11)
    assert constraint(4 * value, temperature=4.0).item() == constraint(value).item()


def test_a_smaller_factor_may_push_harder() -> None:
    """Contradicts "monotonically decreases with increasing v": at βl_w = 0, βl_l = -5 the push grows up to v = 0.7."""
    pairs = replace(
        golden(),
        chosen=float64(-10),
        rejected=float64(-70),
        reference_chosen=float64(-10),
        reference_rejected=float64(-20),
    )
    pushes = {
        v: PAIR_LOSSES.make("scaled")(replace(pairs, factor=float64(1 - v))).weights.rejected.item() / 0.1
        for v in (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
    }
    assert (pushes[0.0], pushes[0.5]) == pytest.approx((0.0067, 0.0379), abs=5e-5)
    assert max(pushes, key=pushes.__getitem__) == 0.7


REDUCTIONS = [
    "scaled",
    "mappo",
    "dpo_shift(factor=1)",
    "vpo(beta=0.1)",
    "dpop(penalty=0)",
    "rpo(alpha=0)",
    "cdpo(label_smoothing=0)",
    "robust(label_smoothing=0)",
    "bdpo(mixture=1)",
]


@pytest.mark.parametrize("spec", REDUCTIONS)
def test_without_its_change_each_is_dpo(spec: str) -> None:
    pairs = random_pairs(6, seed=5)
    one = torch.ones_like(pairs.chosen)
    out = PAIR_LOSSES.make(spec)(replace(pairs, factor=one, reward_gap=one, pvi=one))
    dpo = PAIR_LOSSES.make("dpo")(pairs)
    torch.testing.assert_close(out.losses, dpo.losses, atol=1e-12, rtol=0)
    for ours, theirs in zip(out.weights, dpo.weights, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-13, rtol=0)


def test_bdpo_goes_to_dpo_as_the_mixture_goes_to_the_policy() -> None:
    pairs = golden()
    dpo = PAIR_LOSSES.make("dpo")(pairs).losses.item()
    gaps = [abs(PAIR_LOSSES.make(f"bdpo(mixture={m})")(pairs).losses.item() - dpo) for m in (0.9, 0.999, 1 - 1e-9)]
    assert gaps[0] > gaps[1] > gaps[2]
    assert gaps[2] < 1e-9


def test_ratio_of_the_pushes_is_the_factor() -> None:
    pairs = random_pairs(6, seed=8)
    out = PAIR_LOSSES.make("scaled(beta=0.3)")(pairs)
    torch.testing.assert_close(out.weights.rejected / out.weights.chosen, pairs.require("factor"), atol=1e-14, rtol=0)
    vpo = PAIR_LOSSES.make("vpo(beta=0.3)")(pairs)
    torch.testing.assert_close(
        vpo.weights.rejected / vpo.weights.chosen, 1 - constraint(pairs.require("pvi")), atol=1e-14, rtol=0
    )


def test_discopop_drives_an_unmoved_pair_the_wrong_way() -> None:
    pairs = golden()
    pairs = replace(pairs, reference_chosen=pairs.chosen, reference_rejected=pairs.rejected)
    assert PAIR_LOSSES.make("discopop")(pairs).weights.chosen.item() / 0.1 == pytest.approx(-0.7843, abs=1e-4)
    assert PAIR_LOSSES.make("discopop(tau=1)")(pairs).weights.chosen.item() > 0


@pytest.mark.parametrize(
    ("name", "field", "value", "says"),
    [
        ("scaled", "factor", float64(1.05), "at most 1"),
        ("scaled", "factor", float64(-0.1), "at least 0"),
        ("mappo", "reward_gap", float64(1.2), "at most 1"),
        ("vpo", "pvi", float64(math.nan), "not a number"),
        ("vpo", "pvi", None, "without pvi"),
        ("kto", "baseline", None, "without baseline"),
        ("simpo", "rejected_length", None, "without rejected_length"),
        ("dpo", "reference_chosen", None, "without reference"),
        ("bdpo", "reference_rejected", float64(-math.inf), "probability zero"),
    ],
)
def test_what_a_pair_lacks(name: str, field: str, value: Tensor | None, says: str) -> None:
    pairs = golden(factor=float64(1), reward_gap=float64(1), pvi=float64(0), **ZERO)
    with pytest.raises(InputValueError, match=says):
        PAIR_LOSSES.make(name)(replace(pairs, **{field: value}))


OUT_OF_RANGE = """dpo_shift(factor=1.05) vpo(reading=both) vpo(temperature=0) bdpo(mixture=0) exo(label_smoothing=0)
    cdpo(label_smoothing=0.5) dpop(penalty=-1) rpo(alpha=-1) ipo(margin=-1) slic(delta=0) dpo(beta=0)"""


@pytest.mark.parametrize("spec", OUT_OF_RANGE.split())
def test_options_out_of_range(spec: str) -> None:
    with pytest.raises(InputValueError):
        PAIR_LOSSES.make(spec)


def test_more_than_dpo_s_push_is_there_for_those_who_ask() -> None:
    out = PAIR_LOSSES.make("dpo_shift(factor=1.05,above_one=true)")(golden())
    assert out.weights.rejected.item() / out.weights.chosen.item() == pytest.approx(1.05)


@pytest.fixture(scope="module")
def oracle() -> Iterator[ModuleType]:
    path = Path(__file__).parents[4] / "shared" / "specs" / "checks" / "preference_losses_golden.py"
    if not path.exists():
        pytest.skip("the reference scripts are not at hand")
    spec = importlib.util.spec_from_file_location("preference_losses_golden", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    before = torch.get_default_dtype()
    try:
        spec.loader.exec_module(module)  # sets the default dtype, and its losses count on it
        yield module
    finally:
        torch.set_default_dtype(before)


NAMES = {
    "dpo": "dpo",
    "dpo_shift lam .95": "dpo_shift",
    "dpop lam 5": "dpop(penalty=5)",
    "rpo alpha 1": "rpo",
    "cal_dpo": "cal_dpo(beta=0.1)",
    "bdpo lam .5": "bdpo",
    "npo (rejected)": "npo",
    "simnpo beta 4.5 gamma 0 (rejected)": "simnpo",
    "simpo beta 2 gamma 1": "simpo",
    "cdpo eps .1": "cdpo",
    "slic delta 1 nll .1": "slic(nll=0.1)",
}


@pytest.mark.parametrize("theirs", NAMES)
@pytest.mark.parametrize("move", [(-30.0, 9.0), (5.0, 5.0), (8.0, -40.0)])
def test_the_reference_script_s_losses_at_other_places(
    oracle: ModuleType, theirs: str, move: tuple[float, float]
) -> None:
    pairs = golden()
    up, down = (float64(value + step)[0] for value, step in ((-12, move[0]), (-20, move[1])))
    loss: PairLoss = PAIR_LOSSES.make(NAMES[theirs])
    ours = loss(replace(pairs, chosen=up[None], rejected=down[None])).losses.item()
    assert ours == pytest.approx(oracle.LOSSES[theirs](up, down).item(), rel=1e-12, abs=1e-12)
