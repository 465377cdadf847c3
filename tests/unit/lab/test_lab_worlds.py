"""The parametric bandits: the stacked transformer against plain modules, training, the twenty arms."""

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from antigrad.core import InputValueError
from antigrad.lab import OBJECTIVES
from antigrad.lab.line_world import LineWorld, line_logits
from antigrad.lab.stacked import Weights, World, choose, repeat
from antigrad.lab.table_one import arms, final, make_world
from antigrad.lab.token_world import HEADS, LAYERS, WIDTH, TokenWorld, _initial, _stack, logits
from antigrad.lab.training import Arm, _Stack, train

make = OBJECTIVES.make
SMALL = TokenWorld(sft_steps=2, sft_prompts=4)


def networks(*seeds: int) -> Weights:
    weights = {name: value.detach() for name, value in _stack([_initial(seed) for seed in seeds]).items()}
    return {name: value * (1 if "norm" in name else 6) for name, value in weights.items()}  # far from uniform


def one_network(weights: Weights, place: int, ids: Tensor) -> Tensor:
    """The same transformer written with torch's own modules, for one network."""
    mine = {name: value[place] for name, value in weights.items()}
    x = mine["tokens"][ids] + mine["places"][: ids.shape[1]]

    def norm(x: Tensor, name: str) -> Tensor:
        return functional.layer_norm(x, (WIDTH,), mine[f"{name}.w"], mine[f"{name}.b"])

    future = torch.full((ids.shape[1], ids.shape[1]), -math.inf).triu(1)
    for layer in range(LAYERS):
        attention = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
        attention.load_state_dict(
            {
                "in_proj_weight": mine[f"{layer}.qkv.w"].T,
                "in_proj_bias": mine[f"{layer}.qkv.b"],
                "out_proj.weight": mine[f"{layer}.out.w"].T,
                "out_proj.bias": mine[f"{layer}.out.b"],
            }
        )
        h = norm(x, f"{layer}.norm1")
        x = x + attention(h, h, h, attn_mask=future, need_weights=False)[0]
        h = functional.gelu(
            norm(x, f"{layer}.norm2") @ mine[f"{layer}.up.w"] + mine[f"{layer}.up.b"], approximate="tanh"
        )
        x = x + h @ mine[f"{layer}.down.w"] + mine[f"{layer}.down.b"]
    return norm(x, "norm") @ mine["head"]


def test_stacked_transformer_is_the_plain_one() -> None:
    weights, ids = networks(0, 1), torch.randint(0, 100, (2, 5, 10))
    found = logits(weights, ids)
    for place in range(2):
        want = one_network(weights, place, ids[place])
        torch.testing.assert_close(found[place], want, atol=2e-4, rtol=1e-4)
    assert sum(value[0].numel() for value in weights.values()) == 94_992


def test_sampling_follows_the_scores() -> None:
    """Cached decoding draws from the law that scoring gives: the first token's frequencies, and each next one's."""
    weights, numbers = networks(3), torch.Generator().manual_seed(0)
    ids = SMALL.rollout(weights, torch.full((1, 20_000), 7), numbers)
    first = logits(weights, torch.tensor([[[7]]]))[0, 0, 0].softmax(-1)
    seen = ids[0, :, 1].bincount(minlength=100) / 20_000
    assert float((seen - first).abs().max()) < 0.012
    most = int(seen.argmax())
    after = ids[0][ids[0, :, 1] == most]
    second = logits(weights, torch.tensor([[[7, most]]]))[0, 0, 1].softmax(-1)
    assert float((after[:, 2].bincount(minlength=100) / len(after) - second).abs().max()) < 4 / len(after) ** 0.5


def test_shift_and_the_slip() -> None:
    weights, ids = networks(1), torch.randint(0, 100, (1, 4, 10))
    right = TokenWorld().token_log_probs(weights, ids)
    log_pi = logits(weights, ids).log_softmax(-1)
    torch.testing.assert_close(right[0, :, 4], log_pi[0, :, 4].gather(-1, ids[0, :, 5:6])[:, 0], atol=1e-5, rtol=0)
    slip = TokenWorld(shift=False).token_log_probs(weights, ids)
    assert slip.shape == (1, 4, 10)
    torch.testing.assert_close(slip[0, :, 4], log_pi[0, :, 4].gather(-1, ids[0, :, 4:5])[:, 0], atol=1e-5, rtol=0)


def test_rewards() -> None:
    ids = torch.tensor([[[70] * 10, [60] * 10, [70] * 5 + [0] * 5]])
    found = TokenWorld().rewards(ids, torch.tensor([70.0]))[0].tolist()
    assert found == pytest.approx([1.0, math.exp(-1), 0.5], abs=1e-8)
    mixed = TokenWorld().rewards(torch.stack([ids, ids.flip(-1)])[:, 0], torch.tensor([70.0, 70.0]))
    assert torch.equal(mixed[0], mixed[1])  # the same tokens in another order tie exactly
    line = torch.cat([torch.zeros(1, 2, 100), torch.tensor([[[20.0], [30.0]]])], -1)
    assert LineWorld().rewards(line, torch.tensor([20.0]))[0].tolist() == pytest.approx([1.0, math.exp(-1)], abs=1e-8)


def test_choose_draws_from_the_softmax() -> None:
    z = torch.tensor([0.0, 1.0, 2.0])
    drawn = choose(z.expand(1, 100_000, 3), torch.Generator().manual_seed(0))[0].bincount(minlength=3) / 100_000
    torch.testing.assert_close(drawn, z.softmax(-1), atol=6e-3, rtol=0)


@pytest.mark.slow
def test_reference_reaches_the_data_law() -> None:
    weights, loss = TokenWorld().start([0])
    assert loss < 1e-3
    numbers = torch.Generator().manual_seed(1)
    ids = TokenWorld().rollout(weights, torch.randint(0, 100, (1, 4000), generator=numbers), numbers)
    rewards = [float(TokenWorld().rewards(ids, torch.tensor([c])).mean()) for c in (70.0, 20.0)]
    assert rewards == pytest.approx([0.0529, 0.3572], abs=6e-3)


def test_line_reference_is_near_the_data_law() -> None:
    weights, loss = LineWorld().start([0, 1])
    assert loss < 0.05
    law = line_logits(weights, torch.rand(2, 3, 100)).softmax(-1)
    assert float((law - LineWorld().law).abs().max()) < 0.03


@pytest.mark.parametrize("world", [SMALL, LineWorld(sft_steps=5)], ids=["token", "line"])
def test_scores_depend_on_neither_neighbours_nor_workers(world: World) -> None:
    """An arm alone takes the same first step; offline arms are the same whatever runs beside them."""
    off = [Arm(make("best_of_n"), 70, None, 3, 2), Arm(make("ipo"), 70, None, 3, 2), Arm(make("ppo"), 20, None, 3, 2)]
    one, two = (train(world, off, [0, 1], every=3, shown=20, workers=n) for n in (1, 2))
    assert one == two
    assert len(one) == 6 and {score.queries for score in one} == {20}


def test_every_objective_of_the_table_moves_the_best_samples_its_way() -> None:
    """Twelve steps on fixed samples: the best gain on the others under every objective but PPO's clip."""
    todo = [Arm(arm.objective, arm.centre, None, 12, 4) for arm in arms(12)[:16]]
    scores = train(SMALL, todo, [0], every=12, shown=10)
    for arm, score in zip(todo, scores, strict=True):
        assert score.best > score.others, arm.name
        assert math.isfinite(score.reward)
    by_name = {arm.name: score for arm, score in zip(todo, scores, strict=True)}
    assert by_name["offline IPO(10), 4 prompts"].others < 0 < by_name["offline BoN10, 4 prompts"].best


@pytest.mark.parametrize("world", [SMALL, LineWorld(sft_steps=5)], ids=["token", "line"])
def test_a_huge_rate_stops_its_arm_and_says_where(world: World) -> None:
    """Weights of one arm overflow; the arm beside it in the stack gives what it gives beside a tame one."""
    mild, wild = Arm(make("best_of_n"), 70, None, 6, 2), Arm(make("ipo"), 70, 2, 6, 2)
    stack = _Stack(world, [mild, wild], [0], world.start([0])[0])
    tame = _Stack(world, [mild, wild], [0], world.start([0])[0])
    for step in range(6):
        if step == 3:
            with torch.no_grad():
                next(iter(stack.weights.values()))[1] *= 1e38  # what a huge rate does
        stack.one_step(step)
        tame.one_step(step)
    kept, lost = stack.evaluate(6, [0, 1], 10)
    assert (kept.stopped, lost.stopped) == (None, 3) and math.isnan(lost.reward)
    assert math.isfinite(kept.reward) and kept.best == pytest.approx(tame.evaluate(6, [0, 1], 10)[0].best, abs=1e-5)
    (alone,) = train(world, [Arm(make("ipo"), 70, None, 6, 2, 1e38)], [0], every=6, shown=5)
    assert alone.stopped is not None and alone.stopped < 6 and math.isnan(alone.reward)


def test_on_policy_arms_ask_for_more_rewards() -> None:
    todo = [Arm(make("reinforce"), 70, reuse, 4, 2) for reuse in (None, 1, 2)]
    scores = train(SMALL, todo, [0], every=4, shown=10)
    assert [score.queries for score in scores] == [20, 80, 40]


def test_names_and_refusals() -> None:
    todo = arms(100)
    assert len(todo) == 20 and len({(arm.name, arm.centre) for arm in todo}) == 20
    with pytest.raises(InputValueError, match="reuse=None"):
        Arm(make("psr"), 70, 0, 10)
    with pytest.raises(InputValueError, match="world"):
        make_world("plane")
    with pytest.raises(InputValueError, match="one that ran"):
        final([], "offline BoN10", 70)
    assert not torch.equal(networks(0)["tokens"], networks(1)["tokens"])
    assert repeat(networks(0, 1), torch.tensor([1, 1, 0]))["head"].shape == (3, WIDTH, 100)


@pytest.mark.slow
def test_golden_arms_of_the_token_bandit() -> None:
    """Two seeds, 100 steps; ranges over five seeds of another rebuild, ± 0.06 for two of ours."""
    todo = [
        Arm(make("best_of_n"), 70, None, 100),
        Arm(make("ipo"), 70, None, 100),
        Arm(make("best_of_n"), 20, None, 100),
        Arm(make("ipo"), 20, None, 100),
        Arm(make("best_of_n"), 70, 10, 100),
        Arm(make("dpo"), 70, 10, 100),
        Arm(make("ppo"), 70, 50, 100),
    ]
    scores = train(TokenWorld(), todo, [0, 1], every=100)
    mean = [sum(s.reward for s in scores if s.arm == place) / 2 for place in range(len(todo))]
    ranges = [
        (0.132, 0.158),
        (0.326, 0.421),
        (0.499, 0.573),
        (0.613, 0.719),
        (0.836, 0.867),
        (0.875, 0.893),
        (0.124, 0.141),
    ]
    for arm, reward, (low, high) in zip(todo, mean, ranges, strict=True):
        assert low - 0.06 < reward < high + 0.06, (arm.name, reward)
    bon, ipo, bon_near, ipo_near, online, dpo, ppo = mean
    assert ipo > 1.5 * bon and ipo_near > bon_near and online > ipo and dpo > ipo > ppo
    best = {(score.arm, score.seed): score.best for score in scores}
    for seed in (0, 1):
        assert best[1, seed] < 0 < best[0, seed]  # under IPO even the best samples lose likelihood


@pytest.mark.slow
def test_the_slip_handicaps_on_policy_likelihood_and_leaves_ipo_alone() -> None:
    """Log-probabilities that have seen their token: the release's way of scoring."""
    todo = [Arm(make("best_of_n"), 70, 10, 100), Arm(make("ipo"), 70, None, 100)]
    reference, _ = TokenWorld().start([0])
    right, slip = (
        [score.reward for score in train(TokenWorld(shift=shift), todo, [0], every=100, reference=reference)]
        for shift in (True, False)
    )
    assert slip[0] < right[0] - 0.08
    assert slip[1] == pytest.approx(right[1], abs=0.1)
