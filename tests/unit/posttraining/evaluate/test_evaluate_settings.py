"""Settings of an evaluation: every fault at once, before anything is loaded."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from antigrad.core import ManyInputsError
from antigrad.posttraining.evaluate import EvaluateConfig
from helpers.models import save_questions

GOOD = EvaluateConfig(model=["tiny"], tasks="tiny_arithmetic", questions=3)


def problems(**change: Any) -> list[str]:
    with pytest.raises(ManyInputsError) as caught:
        replace(GOOD, **change)
    return caught.value.problems


@pytest.mark.parametrize(
    ("samples", "k", "expected"),
    [(16, None, [1, 2, 4, 8, 16]), (20, None, [1, 2, 4, 8, 16, 20]), (1, None, [1]), (9, [8, 1], [1, 8])],
)
def test_attempts_are_ascending_and_end_with_the_samples(
    samples: int, k: list[int] | None, expected: list[int]
) -> None:
    assert EvaluateConfig(samples=samples, k=k).ks == expected


def test_labels_are_the_ends_that_tell_checkpoints_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        (tmp_path / "runs" / name / "policy").mkdir(parents=True)
        (tmp_path / "runs" / name / "policy" / "config.json").write_text("{}")
    config = EvaluateConfig(model=["runs/a/policy", "runs/b/policy", "owner/model"], base="tiny")
    assert config.labels == {
        "tiny": "tiny",
        "runs/a/policy": "a/policy",
        "runs/b/policy": "b/policy",
        "owner/model": "owner/model",
    }
    assert replace(config, model=["runs/a/policy"]).labels["runs/a/policy"] == "policy"
    assert config.checkpoints[0] == "tiny"


def test_good_settings_give_the_task() -> None:
    assert len(GOOD.read().questions) == 3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model": []}, "model is empty"),
        ({"model": ["tiny", "tiny"]}, "tiny is there twice"),
        ({"base": "tiny"}, "leave it out of model"),
        ({"model": ["./nowhere/model"]}, "no such folder"),
        ({"k": []}, "k is empty"),
        ({"k": [17]}, "k=17: at most samples=16"),
        ({"k": [0, 1]}, "k=0: at least 1"),
        ({"k": [2, 2]}, "each number once"),
        ({"samples": 0}, "samples=0: at least 1"),
        ({"questions": -1}, "questions=-1: at least 1"),
        ({"probes": -1}, "probes=-1: at least 0"),
        ({"resamples": 5}, "resamples=5: at least 100"),
        ({"max_new_tokens": 0}, "max_new_tokens=0"),
        ({"rows_at_once": 0}, "rows_at_once=0"),
        ({"seed": -1}, "seed=-1"),
        ({"shots": -1}, "shots=-1"),
        ({"threads": 0}, "threads=0"),
        ({"temperature": 0.0}, "temperature=0.0"),
        ({"temperature": float("nan")}, "temperature=nan"),
        ({"level": 1.0}, "level=1.0"),
        ({"verifier": "exat"}, "did you mean 'exact'"),
        ({"style": "chatty"}, "did you mean 'chat'"),
        ({"dtype": "float8"}, "dtype=float8"),
        ({"engine": "vlm"}, "did you mean 'vllm'"),
        ({"tasks": "prodcts"}, "did you mean 'products'"),
        ({"tasks": "nowhere.jsonl"}, "nowhere.jsonl"),
    ],
)
def test_each_fault_is_named_alone(change: dict[str, Any], said: str) -> None:
    found = problems(**change)
    assert len(found) == 1, found
    assert said in found[0]


def test_all_faults_come_at_once(tmp_path: Path) -> None:
    path = save_questions(tmp_path / "q.jsonl", 2)
    path.write_text(path.read_text() + '{"question": "3 ="}\n')
    bad = {"model": ["tiny", "tiny"], "k": [64], "questions": 0, "temperature": -1.0, "level": 2.0}
    assert len(problems(**bad, verifier="exat", tasks=str(path))) == 7


def test_an_adapter_needs_its_base(tmp_path: Path) -> None:
    """The one it names, or, where that is not there, the base of the comparison; a base itself has no other."""
    (tmp_path / "adapter_config.json").write_text("{}")
    assert "or name it with --base" in problems(model=[str(tmp_path)])[0]
    assert "which is not there" in problems(base=str(tmp_path))[0]
    replace(GOOD, base="tiny", model=[str(tmp_path)]).read()
    (tmp_path / "adapter_config.json").write_text('{"base_model_name_or_path": "tiny"}')
    replace(GOOD, model=[str(tmp_path)]).read()
    replace(GOOD, base=str(tmp_path)).read()
    (tmp_path / "adapter_config.json").write_text("{")
    assert "adapter_config.json" in problems(model=[str(tmp_path)])[0]


def test_one_folder_under_two_names_is_there_twice(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    names = [str(tmp_path), str(tmp_path / ".." / tmp_path.name)]
    assert "there twice" in problems(model=names)[0]
    (tmp_path / "config.json").unlink()
    assert "neither config.json" in problems(model=names[:1])[0]


def test_vllm_that_is_not_installed_is_said_before_anything_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("antigrad.language.vllm.find_spec", lambda name: None)
    assert "the package vllm is not installed" in problems(engine="vllm")[0]
    replace(GOOD, engine="auto").read()
