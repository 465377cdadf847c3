"""Effects on parts and the safe weight of the down part: golden window, sharp ends, softmax heads."""

import json
import math

import pytest
import torch
from torch import Tensor

from antigrad.core.errors import InputTypeError, InputValueError
from antigrad.geometry.angle import Certificate
from antigrad.geometry.effects import SafeWeight, effects, interaction, least_kappa_interaction, safe_window
from antigrad.geometry.metric import preconditioner
from helpers.pairs import generator, normal, pair, random_spd

BALANCED = math.sqrt(2 / 3)


def test_effects_are_the_drops_of_the_parts() -> None:
    """Against finite differences: a negative effect is a rising loss."""
    rng = generator(0)
    theta, step = normal(rng, 3, 2), 1e-6 * normal(rng, 3, 2)
    centres = {"up": normal(rng, 3, 2), "down": normal(rng, 3, 2), "anchor": normal(rng, 3, 2)}

    def loss(name: str, at: Tensor) -> float:
        return float(((at - centres[name]) ** 4).sum())

    parts = {name: -4 * (theta - centre) ** 3 for name, centre in centres.items()}
    found = effects(step, parts)
    drops = {name: loss(name, theta) - loss(name, theta + step) for name in centres}
    assert found == pytest.approx(drops, rel=1e-4)
    assert min(found.values()) < 0 < max(found.values())


def test_effects_add_up() -> None:
    rng = generator(1)
    parts = {name: normal(rng, 5).float() for name in ("up", "down", "anchor")}
    step, descent = normal(rng, 5).float(), torch.stack(list(parts.values())).double().sum(0)
    assert sum(effects(step, parts).values()) == pytest.approx(float(step.double() @ descent), rel=1e-12)


def test_a_certificate_for_the_sum_does_not_certify_the_parts() -> None:
    up, down = torch.tensor([1.0, 0.0]), torch.tensor([-2.0, 1.0])
    step = up + down
    assert Certificate.of(step, up + down).effective
    assert effects(step, {"up": up, "down": down}) == {"up": -1.0, "down": 3.0}


def test_effects_and_interactions_of_shapes_that_differ() -> None:
    with pytest.raises(InputTypeError, match="one shape"):
        effects(torch.ones(2), {"up": torch.ones(3)})
    with pytest.raises(InputTypeError, match="one shape"):
        interaction({"up": torch.ones(2), "down": torch.ones(3)})
    with pytest.raises(InputTypeError, match="no parts"):
        interaction({})
    with pytest.raises(InputValueError, match="not finite"):
        effects(torch.ones(1), {"up": torch.tensor([math.nan])})


def test_interaction_against_dense_products() -> None:
    rng = generator(2)
    P, parts = random_spd(rng, 6), {name: normal(rng, 2, 3) for name in ("up", "down", "anchor")}
    Y = torch.stack([part.flatten() for part in parts.values()])
    torch.testing.assert_close(interaction(parts, lambda v: P @ v), Y @ P @ Y.T)
    torch.testing.assert_close(interaction(parts), Y @ Y.T)


def test_interaction_under_another_matrix_for_each_part_is_not_symmetric() -> None:
    """The order of the indices: K_ab is what a step along b does to a."""
    shear = torch.tensor([[1.0, 2.0], [0.0, 1.0]]).double()
    parts = {"a": torch.tensor([1.0, 0.0]).double(), "b": torch.tensor([0.0, 1.0]).double()}
    assert interaction(parts, lambda v: shear @ v).tolist() == [[1.0, 2.0], [0.0, 1.0]]


@pytest.mark.parametrize("psi", [0.0, 1e-7, 1e-3, 0.7, 1.5])
def test_least_kappa_interaction_from_scalars(psi: float) -> None:
    rng = generator(3)
    for _ in range(20):
        one = pair(rng, 7, psi=psi)
        first = normal(rng, 7)
        Y = torch.stack([first, one.y - first, normal(rng, 7)])
        names = dict(zip("abc", Y, strict=True))
        found = least_kappa_interaction(Y @ Y.T, Y @ one.y, Y @ one.g, Certificate.of(one.g, one.y))
        wanted = interaction(names, preconditioner(one.g, one.y, "upper"))
        size = float(wanted.abs().max())
        torch.testing.assert_close(found, wanted, rtol=0, atol=1e-7 * size)
        # The first two parts are y: pushing along both is the step itself.
        torch.testing.assert_close(found[:, 0] + found[:, 1], Y @ one.g, rtol=0, atol=1e-6 * size)


def test_least_kappa_interaction_needs_a_certificate() -> None:
    with pytest.raises(InputValueError, match="no SPD matrix exists"):
        least_kappa_interaction(torch.eye(1), torch.ones(1), torch.ones(1), Certificate(1.0, 1.0, -0.5))
    with pytest.raises(InputTypeError, match="one entry per part"):
        least_kappa_interaction(torch.eye(2), torch.ones(1), torch.ones(1), Certificate(1.0, 1.0, 0.5))
    with pytest.raises(InputValueError, match="not finite"):
        least_kappa_interaction(torch.eye(1) * math.inf, torch.ones(1), torch.ones(1), Certificate(1.0, 1.0, 0.5))


def test_the_golden_window() -> None:
    window = safe_window(2.0, -1.0, 3.0)
    assert (window.low, window.high, window.balanced) == pytest.approx((1 / 3, 2.0, 0.816496580928), abs=1e-9)
    assert window.high / window.low == pytest.approx(6.0, abs=1e-9)
    assert [window.contains(weight) for weight in (0.0, 1 / 3, 0.34, BALANCED, 1.99, 2.0, -1.0)] == [
        *(False, False, True),
        *(True, True, False, False),
    ]


def test_the_ends_of_the_window_are_sharp() -> None:
    rng = generator(4)
    conflicts = 0
    for _ in range(300):
        P, up, down = random_spd(rng, 8, 0.05), normal(rng, 8), normal(rng, 8)
        K = interaction({"up": up, "down": down}, lambda v, P=P: P @ v)
        if K[0, 1] >= 0:
            continue
        conflicts += 1
        window = safe_window(float(K[0, 0]), float(K[0, 1]), float(K[1, 1]))
        assert window.low < window.balanced < window.high
        cos_sq = float(K[0, 1] ** 2 / (K[0, 0] * K[1, 1]))
        assert window.high / window.low == pytest.approx(1 / cos_sq, rel=1e-6)

        def gains(weight: float, P: Tensor = P, up: Tensor = up, down: Tensor = down) -> list[bool]:
            found = effects(P @ (up + weight * down), {"up": up, "down": down})
            return [found["up"] > 0, found["down"] > 0]

        assert gains(window.balanced) == [True, True]
        assert gains(0.99 * window.high)[0]
        assert gains(1.01 * window.low)[1]
        assert gains(1.01 * window.high) == [False, True]
        assert gains(0.99 * window.low) == [True, False]
    assert conflicts > 100


@pytest.mark.parametrize(("cos", "factor"), [(-0.9, 1.23), (-0.99, 1.02)])
def test_how_wide_the_window_is(cos: float, factor: float) -> None:
    window = safe_window(1.0, cos, 1.0)
    assert window.high / window.low == pytest.approx(factor, abs=0.005)


def test_parts_that_help_each_other_have_no_bounds() -> None:
    window = safe_window(2.0, 0.5, 8.0)
    assert (window.low, window.high, window.balanced) == (0.0, math.inf, 0.5)
    assert window.contains(0.0)
    assert window.contains(1e9)
    assert not window.contains(-1e-9)


def test_windows_without_a_part() -> None:
    assert safe_window(2.0, 0.0, 0.0).balanced == math.inf
    assert safe_window(0.0, 0.0, 2.0).balanced == 0.0
    assert math.isnan(safe_window(0.0, 0.0, 0.0).balanced)
    opposite = safe_window(1.0, -2.0, 4.0)
    assert (opposite.low, opposite.high, opposite.contains(0.5)) == (0.5, 0.5, False)


def test_two_preconditioners_can_close_the_window() -> None:
    """K is then of no one SPD P, and no weight serves both."""
    window = safe_window(1.0, -3.0, 1.0)
    assert window.low > window.high
    assert not any(window.contains(weight) for weight in (0.0, window.low, window.high, window.balanced))


@pytest.mark.parametrize("given", [(-1.0, 0.0, 1.0), (1.0, 0.0, -1.0), (math.nan, 0.0, 1.0), (1.0, math.inf, 1.0)])
def test_interactions_that_cannot_be(given: tuple[float, float, float]) -> None:
    with pytest.raises(InputValueError, match="try:"):
        safe_window(*given)
    weight = SafeWeight()
    with pytest.raises(InputValueError, match="try:"):
        weight.update(*given)
    assert weight.state() == SafeWeight().state()


def test_safe_weight_starts_at_one_and_takes_the_balanced_choice() -> None:
    weight = SafeWeight()
    assert weight.value == 1.0
    assert weight.update(2.0, -1.0, 3.0) == pytest.approx(BALANCED, rel=1e-12)
    assert (weight.window.low, weight.window.high) == pytest.approx((1 / 3, 2.0), rel=1e-12)
    assert weight.window.contains(weight.value)


def test_safe_weight_remembers() -> None:
    weight = SafeWeight(memory=0.75)
    weight.update(1.0, -0.5, 4.0)
    assert weight.update(1.0, -0.5, 16.0) == pytest.approx(math.sqrt((0.75 + 1) / (0.75 * 4 + 16)), rel=1e-12)
    forgetful = SafeWeight(memory=0.0)
    forgetful.update(1.0, -0.5, 4.0)
    assert forgetful.update(1.0, -0.5, 16.0) == pytest.approx(0.25, rel=1e-12)


def test_safe_weight_is_cut_to_its_bounds() -> None:
    assert SafeWeight().update(9.0, -1.0, 1.0) == 1.0
    assert SafeWeight((0.0, 5.0)).update(9.0, -1.0, 1.0) == 3.0
    assert SafeWeight((0.5, 5.0)).update(1.0, -1.0, 100.0) == 0.5
    assert SafeWeight((0.1, 0.4)).value == 0.4
    assert SafeWeight((2.0, 3.0)).value == 2.0


def test_safe_weight_without_one_of_the_parts() -> None:
    weight = SafeWeight()
    assert weight.update(0.0, 0.0, 0.0) == 1.0
    assert weight.update(1.0, 0.0, 0.0) == 1.0


def test_safe_weight_refuses_a_down_part_alone() -> None:
    """It would be 0: nothing is pushed down, and nothing says so."""
    weight = SafeWeight((0.1, 1.0))
    with pytest.raises(InputValueError, match="no wanted part"):
        weight.update(0.0, 0.0, 1.0)
    assert weight.state() == SafeWeight().state()
    weight.update(4.0, -1.0, 16.0)
    assert 0.1 < weight.update(0.0, 0.0, 1.0) < 0.5  # A batch in which nothing was wanted, later on.


def test_safe_weight_goes_on_from_its_state() -> None:
    one, other = SafeWeight(memory=0.6), SafeWeight(memory=0.6)
    one.update(1.0, -0.3, 7.0)
    other.load(json.loads(json.dumps(one.state())))
    assert other.value == one.value
    assert other.update(2.0, -0.1, 3.3) == one.update(2.0, -0.1, 3.3)
    with pytest.raises(InputTypeError, match="what state"):
        other.load({"up_up": 1.0})
    with pytest.raises(InputValueError, match="squares"):
        other.load({"up_up": -1.0, "up_down": 0.0, "down_down": 1.0})
    assert other.value == one.value


@pytest.mark.parametrize(
    "options", [{"bounds": (1.0, 0.0)}, {"bounds": (-1.0, 1.0)}, {"memory": 1.0}, {"memory": -0.1}]
)
def test_safe_weights_that_cannot_be(options: dict[str, float]) -> None:
    with pytest.raises(InputValueError, match="try:"):
        SafeWeight(**options)  # type: ignore[arg-type]


def head_descents(W: Tensor, h1: Tensor, h2: Tensor, a: int, b: int) -> tuple[Tensor, Tensor]:
    """Gradients of log p(a|h1), to be raised, and of -log p(b|h2), by autograd."""
    W = W.clone().requires_grad_()
    up = torch.autograd.grad((h1 @ W).log_softmax(-1)[a], W)[0]
    down = torch.autograd.grad(-(h2 @ W).log_softmax(-1)[b], W)[0]
    return up, down


def test_softmax_head_interactions() -> None:
    rng = generator(5)
    helpful = 0
    for round_ in range(60):
        W, h1, h2 = normal(rng, 6, 12), normal(rng, 6), normal(rng, 6)
        a, b = round_ % 12, (5 * round_ + 1) % 12
        up, down = head_descents(W, h1, h2, a, b)
        p1, p2, eye = (h1 @ W).softmax(-1), (h2 @ W).softmax(-1), torch.eye(12, dtype=torch.float64)
        found = float(interaction({"up": up, "down": down})[0, 1])
        wanted = -float((h1 @ h2) * ((eye[a] - p1) @ (eye[b] - p2)))
        assert found == pytest.approx(wanted, rel=1e-8, abs=1e-8)
        if a != b:
            same = interaction(dict(zip(("up", "down"), head_descents(W, h1, h1, a, b), strict=True)))
            mass = float(p1[a] + p1[b] - p1 @ p1)
            assert float(same[0, 1]) == pytest.approx(float(h1 @ h1) * mass, rel=1e-8, abs=1e-8)
            helpful += mass > 0
        conflict = interaction(dict(zip(("up", "down"), head_descents(W, h1, h1, a, a), strict=True)))
        assert float(conflict[0, 1]) < 0
    assert 0 < helpful < 60
