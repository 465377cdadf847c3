"""Credit figures, rounds and certificates arrive at trackers: read back from the event files of TensorBoard."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from antigrad.cli.main import main
from antigrad.core import RunFolder
from helpers.grpo import make

pytestmark = pytest.mark.filterwarnings("ignore")  # of trackers
COMMON = "--model tiny --tasks tiny_arithmetic(split=train) --device cpu --certify-every 2 --steps 4 --save-every 2 "
COMMON += "--learning-rate 1e-3 --questions 6 --held-out 2 --trl.report_to tensorboard"
JOBS = {
    "train grpo": (
        "--credit nthr(anchor=others) --prompts 2 --rollouts 4 --updates 2 --rows-at-once 4 --evaluate-every 2 "
        "--measure-every 2 --max-new-tokens 16",
        ["credit/mixed", "credit/balance", "credit/delta_correct_step", "certificate/cos"],
    ),
    "train dpo": (
        "--credit vpo --answer-marker = --samples 4 --pairs-a-step 2 --rows-at-once 2 --refresh 2 --evaluate-every 2 "
        "--measure-every 2 --max-new-tokens 40",
        ["credit/factor", "probe/chosen", "round/accuracy", "certificate/cos"],
    ),
    "train bon": (
        "--samples 4 --answers-a-step 2 --rows-at-once 2 --refresh 2 --max-new-tokens 40",
        ["round/accuracy", "round/held_out_accuracy", "certificate/cos"],
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("job", JOBS)
def test_what_the_ledger_has_arrives(job: str, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    own, wanted = JOBS[job]
    assert main([*job.split(), *COMMON.split(), *own.split(), "--output", str(tmp_path / "run")]) == 0
    run = RunFolder.open(tmp_path / "run")
    (events,) = run.path.glob("checkpoints/runs/*/events*")
    read = EventAccumulator(str(events))
    read.Reload()
    arrived = {tag: {one.step: one.value for one in read.Scalars(tag)} for tag in read.Tags()["scalars"]}
    seen: set[str] = set()
    for kind, place in (("train", "train"), ("evaluation", "eval")):
        for row in run.ledger.rows(kind):
            for name, value in row.items():
                if "/" in name:
                    assert arrived[f"{place}/{name}"][row["step"]] == pytest.approx(value, rel=1e-5, abs=1e-6), name
                    seen.add(name)
    assert set(wanted) <= seen
    rows = RunFolder.open(run.path / "certificate").ledger.rows("certificate")
    certified = [row["cos"] for row in rows if row["cos"] is not None]
    assert certified and sorted(certified) == pytest.approx(sorted(arrived["train/certificate/cos"].values()), rel=1e-5)


def test_the_trial_of_a_model_tells_no_tracker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TRL times its forwards and tells trackio, which refuses before the training begins."""
    from trl.extras import profiling

    from antigrad.posttraining.train.grpo.forward import check_forward
    from antigrad.posttraining.train.grpo.states import bare
    from antigrad.posttraining.train.grpo.trainer import GRPOTrainer

    def log(*_: Any, **__: Any) -> None:
        raise RuntimeError("Call trackio.init() before trackio.log().")

    trainer = make(GRPOTrainer, tmp_path)
    monkeypatch.setattr(profiling, "is_trackio_available", lambda: True)
    monkeypatch.setattr(profiling, "trackio", SimpleNamespace(log=log), raising=False)
    trainer.args.report_to = ["trackio"]
    assert check_forward(trainer, bare(trainer.model))
    assert trainer.args.report_to == ["trackio"]
    with pytest.raises(RuntimeError, match="trackio"), profiling.profiling_context(trainer, "a forward"):
        pass
