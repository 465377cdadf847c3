"""The container: padding, choosing, ordering, and what it refuses."""

import math

import numpy as np
import pytest
import torch

from antigrad.core import InputValueError
from antigrad.scenarios import Record, Scenes, arrange, longest_run, with_ego
from antigrad.scenarios.attack import attack
from antigrad.scenarios.planners import make_planner
from antigrad.scenarios.recipe import preset
from antigrad.scenarios.road import rasterise
from antigrad.scenarios.scene import centre_of
from antigrad.scenarios.tools import Tools


def scene(objects: int, states: int, ego: int | None = 0, seed: int = 0, at: float = 0.0) -> Scenes:
    rng = np.random.default_rng(seed)
    valid = rng.random((objects, states)) > 0.3
    if ego is not None:
        valid[ego] = True
    return Scenes.one(
        Record(
            f"s{seed}", objects=tuple(f"o{row}" for row in range(objects)), edges=(np.array([[at, at], [at, at + 9]]),)
        ),
        dt=0.1,
        xy=rng.normal(size=(objects, states, 2)) * 20 + at,
        yaw=rng.normal(size=(objects, states)) * 9,
        vel=rng.normal(size=(objects, states, 2)),
        size=np.tile([4.6, 2.0], (objects, 1)),
        valid=valid,
        kind=np.ones(objects),
        ego=ego,
        recentre=True,
    )


def test_what_is_not_valid_is_zero_and_yaw_is_wrapped() -> None:
    one = scene(5, 9)
    outside = ~one.valid
    assert outside.any()
    assert one.xy[outside].abs().sum() == one.vel[outside].abs().sum() == one.yaw[outside].abs().sum() == 0
    assert one.yaw.min() >= -math.pi
    assert one.yaw.max() < math.pi


def test_recentring_happens_in_float64_and_moves_the_map() -> None:
    near, far = scene(4, 9, at=0.0), scene(4, 9, at=12_600.0)
    # the same scene 12.6 km away: float32 before recentring would lose a millimetre
    torch.testing.assert_close(near.xy, far.xy, rtol=0, atol=1e-10)
    assert near.xy[0, 0, 4].tolist() == [0.0, 0.0]
    np.testing.assert_allclose(near.records[0].edges[0], far.records[0].edges[0], atol=1e-10)
    np.testing.assert_allclose(
        far.records[0].edges[0] + np.array(far.records[0].origin), [[12600, 12600], [12600, 12609]]
    )
    coarse = (near.xy + 12_600).float() - 12_600
    assert (coarse - near.xy).abs().max() > 1e-4


def test_without_an_ego_the_origin_is_the_mean_at_mid_log() -> None:
    valid = np.array([[True, True, True], [False, True, True]])
    xy = np.array([[[0.0, 0], [1, 0], [2, 0]], [[9, 9], [3, 4], [5, 5]]])
    assert centre_of(xy, valid, None).tolist() == [2.0, 2.0]
    assert centre_of(xy, np.array([[True, False, False], [False] * 3]), 0).tolist() == [0.0, 0.0]


def test_concat_pads_and_select_repeats() -> None:
    parts = [scene(3, 7, seed=1), scene(5, 4, ego=2, seed=2)]
    both = Scenes.concat(parts)
    assert both.shape == (2, 5, 7)
    assert both.present.sum(1).tolist() == [3, 5]
    assert both.ego.tolist() == [0, 2]
    for row, part in enumerate(parts):
        objects, states = part.shape[1:]
        for name in ("xy", "yaw", "vel", "valid"):
            assert torch.equal(getattr(both, name)[row, :objects, :states], getattr(part, name)[0])
        assert not both.valid[row, objects:].any()
        assert not both.valid[row, :, states:].any()
    rows = both.select([1, 0, 1])
    assert [record.id for record in rows.records] == ["s2", "s1", "s2"]
    assert torch.equal(rows.xy[2], both.xy[1])
    assert len(both.select(torch.tensor([False, True]))) == 1
    assert both.to(torch.float32).xy.dtype == torch.float32
    assert both.to(torch.float32).valid.dtype == torch.bool


def test_arrange_puts_the_ego_first_and_then_the_closest() -> None:
    states = 5
    xy = np.zeros((5, states, 2))
    xy[:, :, 0] = np.array([40.0, 10, 0, 25, 3])[:, None]
    xy[0, 2, 0] = 5.0  # comes close once
    valid = np.ones((5, states), bool)
    valid[4] = False  # never seen: dropped
    valid[3, 1:] = False
    made = Scenes.one(
        Record("a", objects=tuple("abcde")),
        dt=0.1, xy=xy, yaw=np.zeros((5, states)), vel=np.zeros((5, states, 2)), size=np.ones((5, 2)), valid=valid,
        kind=np.array([1, 1, 1, 2, 1]), ego=2,
    )  # fmt: skip
    ordered = arrange(made)
    assert ordered.records[0].objects == ("c", "a", "b", "d")
    assert ordered.ego.tolist() == [0]
    assert ordered.kind.tolist() == [[1, 1, 1, 2]]
    assert ordered.xy[0, 1, 2].tolist() == [5.0, 0.0]
    assert arrange(made, 2).records[0].objects == ("c", "a")
    assert arrange(made, None).shape == (1, 4, 5)


def test_a_batch_may_be_empty() -> None:
    """A batch without a hit has nothing to write."""
    none = Scenes.concat([scene(3, 7, seed=1), scene(5, 4, ego=2, seed=2)]).select([])
    assert none.shape == (0, 5, 7)
    assert len(arrange(none)) == len(arrange(none, None)) == len(rasterise(none)) == len(none.to(torch.float32)) == 0
    found = attack(Tools.of(preset("regents_fixed", {"iterations": 2}), make_planner("idm")), arrange(none))
    assert len(found) == len(found.status) == 0


def test_a_far_object_seen_with_the_ego_comes_before_one_never_seen_with_it() -> None:
    valid = np.array([[True, False], [False, True], [True, True]])
    xy = np.array([[[0.0, 0], [0, 0]], [[1, 0], [1, 0]], [[500, 0], [500, 0]]])
    made = Scenes.one(
        Record("a", objects=("ego", "later", "far")), dt=0.1, xy=xy, yaw=np.zeros((3, 2)), vel=np.zeros((3, 2, 2)),
        size=np.ones((3, 2)), valid=valid, kind=np.ones(3), ego=0,
    )  # fmt: skip
    assert arrange(made).records[0].objects == ("ego", "far", "later")


@pytest.mark.parametrize(
    ("seen", "kept"),
    [
        ([1, 1, 0, 1, 1, 1], [0, 0, 0, 1, 1, 1]),
        ([1, 1, 0, 1, 1, 0], [1, 1, 0, 0, 0, 0]),
        ([0, 0, 0], [0, 0, 0]),
        ([1, 1, 1], [1, 1, 1]),
    ],
)
def test_longest_run(seen: list[int], kept: list[int]) -> None:
    assert longest_run(torch.tensor(seen, dtype=torch.bool)).int().tolist() == kept


def test_refusals() -> None:
    one = scene(3, 4)
    with pytest.raises(InputValueError, match=r"xy of object 1 at state 2 of scene 's0' is not finite"):
        bad = one.xy.clone()
        bad[0, 1, 2, 0] = math.nan
        Scenes(**{**fields_of(one), "xy": bad})
    with pytest.raises(InputValueError, match="yaw"):
        Scenes(**{**fields_of(one), "yaw": one.yaw[:, :2]})
    with pytest.raises(InputValueError, match="dt=0"):
        Scenes(**{**fields_of(one), "dt": 0.0})
    with pytest.raises(InputValueError, match="valid of type"):
        Scenes(**{**fields_of(one), "valid": one.valid.float()})
    with pytest.raises(InputValueError, match="time steps"):
        Scenes.concat([one, Scenes(**{**fields_of(one), "dt": 0.2})])
    with pytest.raises(InputValueError, match="no ego in s0"):
        arrange(scene(3, 4, ego=None))
    with pytest.raises(InputValueError, match="ego 9"):
        with_ego(scene(3, 4, ego=None), [9])
    assert arrange(with_ego(scene(3, 4, ego=None), [2])).ego.tolist() == [0]


def fields_of(one: Scenes) -> dict[str, object]:
    names = ("xy", "yaw", "vel", "size", "valid", "kind", "ego", "dt", "records", "road")
    return {name: getattr(one, name) for name in names}
