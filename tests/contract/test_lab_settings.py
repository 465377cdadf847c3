"""Every setting of every study, changed alone: a result, or one clear error; never a traceback.

The studies are small here and nothing is trained. What a changed setting gives is not checked beyond that its verdict
can be written: the studies' own tests do.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from antigrad.core import AntigradError
from antigrad.core.ledger import to_json
from antigrad.lab.changes import changed
from antigrad.lab.study import Study, load, names, run_study, verdict
from helpers.labs import nothing_trained

SMALL: dict[str, dict[str, Any]] = {
    "diversity": {"steps": 30, "seeds": 6, "actions": 40, "correct": 12, "equal_steps": [5, 20],
                  "sweep": {"steps": 20}},
    "edge_trap": {"steps": 20, "keep": [0, 10, 20]},
    "graded_rewards": {"binary": {"steps": 30}, "graded": {"steps": 30}, "equal_steps": [10, 20]},
    "grpo_halves": {"steps": 20, "equal_steps": [5], "sampled": {"seeds": 6, "runs": [[0.5, 10]]}},
    "kl_directions": {"cases": 50, "etas": 5, "steps": 8},
    "offline_peaks": {"steps": 20, "keep": [0, 10, 20], "data": {"seeds": 5}, "sets": {"seeds": 6, "steps": 20}},
    "on_policy": {"steps": 20, "keep": [0, 10, 20], "compare_at": 10},
    "psr_nsr": {"steps": 5, "noise": {"seeds": 20}, "shown": {"steps": 16},
                "drawn": {"steps": 20, "seeds": 6, "actions": 40, "correct": 12}},
    "shared_prompts": {"mean_field": {"steps": 10, "equal_steps": [5]},
                       "sampled": {"steps": 5, "seeds": 6, "equal_steps": [2]}},
    "squeezing": {"steps": 10, "seeds": [0, 1, 2, 3, 4, 5]},
    "two_stage": {"main": {"steps": 30}, "slope": {"steps": 5}, "exploration": {"steps": 5}},
}  # fmt: skip


def other_values(value: Any) -> Iterator[Any]:
    """What someone may put in the place of a value: moved, doubled, zero, negative, huge, no number, empty, short."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield from (0, -1, 1, value + 3, value * 2 if value < 1000 else value // 2)
    elif isinstance(value, float):
        yield from (0.0, -0.5, 0.5 * value, 2 * value, 1e6, float("nan"))
    elif isinstance(value, list):
        yield []
        yield value[:1]
        yield value[::-1]
        for entry in other_values(value[0]) if value else ():
            yield [entry, *value[1:]]
    elif isinstance(value, str):
        yield "nonsense"


def single_changes(settings: dict[Any, Any]) -> Iterator[dict[Any, Any]]:
    for key, value in settings.items():
        if isinstance(value, dict):
            yield from ({key: inner} for inner in single_changes(value))
        else:
            yield from ({key: other} for other in other_values(value))
        if isinstance(value, list) and value and isinstance(value[0], dict):
            for inner in single_changes(value[0]):
                yield {key: [value[0] | inner, *value[1:]]}


def small(name: str) -> Study:
    return load(name).changed(SMALL.get(name, {}))


@pytest.mark.parametrize("name", names())
def test_a_single_changed_setting_gives_a_result_or_one_clear_error(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing_trained(monkeypatch)
    study, faults, ran = small(name), list[str](), 0
    for own in single_changes(study.settings):
        try:
            if study.misfits(own):
                continue
            run = study.changed(own)
            result = run_study(run)
            text = verdict(run, result)
            json.dumps([section.__dict__ for section in result.sections], default=str)
            json.dumps(to_json(result.numbers), allow_nan=False)
            if re.search(r"\b(nan|None|inf)\b", text):
                faults.append(f"{own}: not a number in: {result.says}")
            ran += 1
        except AntigradError:
            continue
        except Exception as error:  # what this test is about
            faults.append(f"{own}: {type(error).__name__}: {error}")
    assert not faults, "\n".join(faults)
    assert ran > 3, "hardly any change was accepted"


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("offline_peaks", {"centres": [50, 20]}),
        ("offline_peaks", {"centres": [50]}),
        ("on_policy", {"centres": [50, 20]}),
        ("on_policy", {"levels": {"50": [0.1, 0.5]}, "centres": [50, 20]}),
        ("implicit_reward", {"centres": [40, 15]}),
        ("edge_trap", {"centre": 35}),
        ("diversity", {"levels": [0.4, 0.5]}),
        ("shared_prompts", {"levels": [0.2, 0.3]}),
        ("graded_rewards", {"equal_steps": [5000]}),
    ],
)
def test_what_is_moved_is_computed(name: str, own: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A moved peak, other levels, steps beyond the last: settings that mean something are not refused."""
    nothing_trained(monkeypatch)
    study = small(name)
    assert not study.misfits(own)
    result = run_study(study.changed(own))
    assert result.finding in ("agrees", "mixed", "disagrees", "open")
    if name in ("offline_peaks", "on_policy") and own["centres"][0] == 50:
        assert any("peak 50" in key for key in result.numbers)


def test_changes_inside_of_mappings_by_number() -> None:
    base = {"levels": {70: [0.1], 20: [0.6]}, "steps": 5}
    assert changed(base, {"levels": {"50": [0.3]}}) == {"levels": {70: [0.1], 20: [0.6], 50: [0.3]}, "steps": 5}
