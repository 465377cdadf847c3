"""The NTHR-like rule: influence as a derivative, both forms, the table of displacement."""

import pytest
import torch

from antigrad.core import InputValueError
from antigrad.lab import OBJECTIVES
from antigrad.lab.bandit import Bandit
from antigrad.lab.objective import Policy
from antigrad.lab.objectives.nthr import Nthr
from antigrad.lab.studies.displacement import ARMS, fixed_group, one_step, selected
from antigrad.lab.study import load
from helpers.labs import context, dirichlet
from helpers.losses import central

SETTINGS = load("displacement").settings
POLICY = Policy(dirichlet(1, 6, seed=2).log())
FEATURES = torch.randn(6, 4, generator=torch.Generator().manual_seed(1)).double()
KERNEL = FEATURES @ FEATURES.T


def influence(form: str, kernel: torch.Tensor | None) -> torch.Tensor:
    bandit = Bandit(torch.zeros(1, 6), POLICY.p, action_kernel=kernel)
    return OBJECTIVES.make(f"nthr(form={form})").influence(POLICY, context(bandit, POLICY.p))[0]  # type: ignore


def test_tangent_influence_is_a_derivative() -> None:
    table = influence("tangent", KERNEL)
    for j in range(6):
        way = KERNEL @ (torch.eye(6).double()[j] - POLICY.p[0])
        for i in range(6):
            slope = central(
                lambda t, i=i, way=way: (POLICY.log[0] + t * way).log_softmax(-1)[i], torch.zeros(1).double()
            )
            assert float(table[i, j]) == pytest.approx(float(slope), abs=1e-8)


def test_forms_agree_without_features() -> None:
    identity, ones = torch.eye(6), torch.ones(6, 6)
    torch.testing.assert_close(influence("tangent", None), influence("hadamard", None), atol=1e-15, rtol=0)
    torch.testing.assert_close(influence("tangent", identity), influence("hadamard", ones), atol=1e-15, rtol=0)
    off = influence("hadamard", identity)
    assert float((off - off.diagonal().diag()).abs().max()) == 0
    p = POLICY.p[0]
    want = p @ p - p[:, None] - p + torch.eye(6)
    torch.testing.assert_close(influence("tangent", None), want, atol=1e-14, rtol=0)


GRPO_98, GRPO_90, GRPO_0 = (-0.0059, 0.2063, -0.0145), (0.0141, 0.2089, -0.0292), (0.2381, 0.2381, -0.1949)
TABLE = {
    0.98: [GRPO_98, (0.0504, 0.1132, 0.0448), GRPO_98, (0.0917, 0.1336, 0.0865), (0.1069, 0.1383, 0.1020)],
    0.9: [GRPO_90, (0.0617, 0.1158, 0.0336), GRPO_90, (0.1007, 0.1368, 0.0747), (0.1147, 0.1418, 0.0898)],
    0.0: [GRPO_0, (0.1884, 0.1451, -0.0931), GRPO_0, GRPO_0, GRPO_0],
}


@pytest.mark.parametrize("cosine", TABLE)
def test_table_of_displacement(cosine: float) -> None:
    bandit, group = fixed_group(SETTINGS, cosine)
    for arm, want in zip(ARMS, TABLE[cosine], strict=True):
        assert one_step(arm, bandit, group, 1e-3)[:3].tolist() == pytest.approx(want, abs=1e-4)
    picked = [selected(arm, bandit, group) for arm in ARMS]
    assert picked == ([0, 0, 0, 4, 3] if cosine else [0, 0, 0, 0, 0])


@pytest.mark.parametrize(
    ("cosine", "scores", "inclusive", "others"),
    [
        (0.98, (0.207, -0.477, -0.377, -0.277), (0.233, 0.523), (-0.311, -0.311)),
        (0.9, (0.155, -0.465, -0.365, -0.265), (0.285, 0.535), (-0.295, -0.295)),
        (0.0, (-0.430, -0.330, -0.230, -0.130), (0.870, 0.670), (-0.115, -0.115)),
    ],
)
def test_scores_and_anchors(
    cosine: float, scores: tuple[float, ...], inclusive: tuple[float, ...], others: tuple[float, ...]
) -> None:
    bandit, group = fixed_group(SETTINGS, cosine)
    ctx = context(bandit, bandit.reference)
    found, anchors = Nthr().scores(group, ctx)
    assert found[0, [2, 5, 6, 7]].tolist() == pytest.approx(scores, abs=6e-4)
    assert anchors[0, :2].tolist() == pytest.approx(inclusive, abs=6e-4)
    assert Nthr(anchor="others").scores(group, ctx)[1][0, :2].tolist() == pytest.approx(others, abs=6e-4)


def test_eta_balances_and_options_are_checked() -> None:
    bandit, group = fixed_group(SETTINGS, 0.98)
    weights = Nthr(anchor="others").weigh(group, context(bandit, bandit.reference))[0]
    plain = OBJECTIVES.make("grpo").weigh(group, context(bandit, bandit.reference))[0]
    assert {round(float(r), 6) for r in (weights / plain)} == {1.0, 0.5}  # two of eight correct
    with pytest.raises(InputValueError, match="form"):
        Nthr(form="cosine")  # type: ignore[arg-type]
