"""Ledgers of a hundred thousand rows: a small run repeated under other numbers, with figures that vary."""

import json
import math
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

Row = dict[str, Any]
FIXED = {"step_size", "factor", "dt", "seconds", "level"}
"""Figures that say which row it is."""


def varied(value: Any, number: int) -> Any:
    """A copy of a row whose figures differ from copy to copy, signs too."""
    if isinstance(value, float) and math.isfinite(value):
        return value * (1 + 0.5 * math.sin(12.9898 * number)) + (1e-3 * math.sin(78.233 * number) if value < 0 else 0)
    if isinstance(value, dict):
        return {key: one if key in FIXED else varied(one, number) for key, one in value.items()}
    return [varied(one, number) for one in value] if isinstance(value, list) else value


def _answers(row: Row) -> Row:
    # Eight responses of 64 tokens, as of a model that reasons a little.
    if "responses" not in row:
        return row
    many = [one for _ in range(8) for one in row["responses"]][:8]
    for place, one in enumerate(many):
        many[place] = {**one, "copy": False, "text": (one["text"] + " ") * 8}
        for key in ("tokens", "scores", "log_probs"):
            if one.get(key):
                many[place][key] = (one[key] * 64)[:64]
    return {**row, "responses": many, "prompt": str(row.get("prompt", "")) * 4}


def _copies(rows: list[Row], kinds: tuple[str, ...], key: str, shift: int) -> Iterator[list[Row]]:
    # The rows of those kinds again and again, each time under other numbers.
    own = [row for row in rows if row["kind"] in kinds]
    for number in range(10**9):
        yield [{**varied(row, number), **({key: row[key] + shift * number} if key else {})} for row in own]


def rows_of(job: str, rows: list[Row], count: int) -> Iterator[Row]:
    """The rows of a run of that job with about so many rows."""
    kinds, key = REPEATED[job]
    yield from (row for row in rows if row["kind"] not in kinds)
    places = [row.get(key, 0) for row in rows if row["kind"] in kinds]
    done = len(rows) - len(places)
    for copy in _copies(rows, kinds, key, 1 + max(places) - min(places)):
        if done >= count:
            return
        for row in copy:
            if job == "scenario" and row["kind"] == "job":
                stem = Path(row["trace"])
                row |= {"trace": f"traces/{row['piece']:07d}-{stem.name}", "scene": f"{row['scene']}-{row['piece']}"}
            yield _answers(row) if job == "diagnose" else row
        done += len(copy)


REPEATED = {
    "diagnose": (("question", "update"), "question"),
    "diagnose pairs": (("pair", "update", "receipt"), "pair"),
    "certify": (("half", "after", "slope"), "half"),
    "evaluate": (("answers", "pair"), "question"),
    "train tiny-policy": (("evaluation",), "step"),
    "train bon": (("train", "round"), "step"),
    "train dpo": (("train", "evaluation"), "step"),
    "train dpo --refresh": (("train", "evaluation", "round"), "step"),
    "train grpo": (("train", "evaluation", "completions"), "step"),
    "train rwr": (("train", "round"), "step"),
    "explain": (("image",), "place"),
    "explain-text": (("token",), "place"),
    "unlearn": (("certificate",), "step"),
    "unlearn compare": (("outcome",), "seed"),
    "scenario": (("job", "piece"), "piece"),
    "lab run": (("study",), ""),
    "lab simulate": (("arm",), ""),
}
"""Kinds of rows that a longer run has more of, and what numbers them."""


def grow(job: str, small: Path, output: Path, count: int = 100_000) -> None:
    """Write the folder of a long run.

    Args:
        job: Of the run.
        small: A finished run of it.
        output: Where to.
        count: Rows.
    """
    rows = [json.loads(line) for line in (small / "ledger.jsonl").read_text().split("\n") if line]
    for name in ("artifacts", "checkpoints"):
        if (small / name).exists():
            _linked(small / name, output / name)
    (output / "run.yaml").write_text((small / "run.yaml").read_text())
    with (output / "ledger.jsonl").open("w") as file:
        for row in rows_of(job, rows, count):
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            if job == "scenario" and row.get("trace"):
                target = output / "artifacts" / row["trace"]
                if not target.exists():
                    os.link(next((small / "artifacts" / "traces").glob(f"*{Path(row['trace']).name[7:]}"), None)
                            or next((small / "artifacts" / "traces").iterdir()), target)  # fmt: skip


def _linked(source: Path, target: Path) -> None:
    target.mkdir(parents=True)
    for path in source.iterdir():
        _linked(path, target / path.name) if path.is_dir() else os.link(path, target / path.name)


DESCRIBE = {
    "diagnose": "posttraining.diagnose.page:describe posttraining.diagnose:DiagnoseConfig",
    "diagnose pairs": "posttraining.diagnose.pairs.page:describe posttraining.diagnose.pairs:DiagnosePairsConfig",
    "certify": "posttraining.certify.page:describe posttraining.certify:CertifyConfig",
    "evaluate": "posttraining.evaluate.page:describe posttraining.evaluate:EvaluateConfig",
    "train dpo": "posttraining.train.dpo.page:describe posttraining.train.dpo.settings:TrainDPOConfig",
    "train dpo --refresh": "posttraining.train.dpo.page:describe posttraining.train.dpo.settings:TrainDPOConfig",
    "train grpo": "posttraining.train.grpo.page:describe posttraining.train.grpo.settings:TrainGRPOConfig",
    "explain": "attribution.explain.page:describe attribution.explain:ExplainConfig",
    "unlearn compare": "unlearning.compare.page:describe unlearning.compare:CompareConfig",
    "scenario": "scenarios.scenario.page:describe scenarios.scenario:ScenarioConfig",
}


def _load(name: str) -> Any:
    module, _, attribute = name.partition(":")
    return getattr(import_module(f"antigrad.{module}"), attribute)


def describe(job: str, folder: Path) -> None:
    """Write page, summary and report of a long run, as its job does when it is done."""
    from antigrad.core.runs import RunFolder
    from antigrad.report import write_report

    run = RunFolder.open(folder)
    OWN.get(job, _describe)(job, run)
    write_report(run)


def _describe(job: str, run: Any) -> None:
    page, config = (_load(name) for name in DESCRIBE[job].split())
    _with(page, config, job, run)


def _with(page: Callable[[Any, Any], None], config: Any, job: str, run: Any) -> None:
    given = run.facts["config"]
    known = {name: given[name] for name in config.__dataclass_fields__ if name in given}
    made = config(**{name: Path(value) if name == "output" else value for name, value in known.items()})
    more: Row = {"unlearn compare": {"seeds": 10**6}, "evaluate": {"resamples": 2000}}.get(job, {})
    if job == "explain":  # pictures of the page are kept one by one
        for number in range(made.shown):
            target = run.path / "artifacts" / "gallery" / f"{number:05d}.json"
            if not target.exists():
                os.link(run.path / "artifacts" / "gallery" / "00000.json", target)
    page(run, replace(made, **more))


def _tiny(job: str, run: Any) -> None:
    from antigrad.language.tiny.pretrain.page import describe as page

    last = run.ledger.rows("evaluation")[-1]
    page(run, {"questions": 4, "steps": last["step"], "parameters": 1, **last})


def _text(job: str, run: Any) -> None:
    import torch

    from antigrad.attribution.explain_text.language import TokenScores
    from antigrad.attribution.explain_text.page import describe as page
    from antigrad.attribution.explain_text.settings import ExplainTextConfig

    rows = run.ledger.rows("token")
    scores = torch.tensor([row["score"] for row in rows])
    found = TokenScores(torch.arange(len(rows)), scores, -1.0, -2.0)
    config = ExplainTextConfig(prompt="".join(row["text"] for row in rows), answer="1a", model="tiny")
    page(run, config, found, [row["text"] for row in rows])


def _unlearn(job: str, run: Any) -> None:
    from antigrad.cli.main import main
    from helpers.jobs import words

    (run.path / "summary.json").unlink(missing_ok=True)
    assert main([*words("unlearn", {}, run.path), "--resume"]) == 0


def _lab(job: str, run: Any) -> None:
    from antigrad.core.page import Chart, Page

    count = sum(1 for _ in run.ledger.path.open())
    lines = [{"type": "scatter", "x": list(range(count)), "y": [float(n % 7) for n in range(count)]}]
    Page(
        "A study", "With a curve of as many points as rows.", [Chart("curve", {"data": lines * 6, "layout": {}})]
    ).write(run)


def _answers_of(job: str, run: Any) -> None:
    from antigrad.posttraining.train.answers.page import Heading

    def page(run: Any, config: Any) -> None:
        _load("posttraining.train.answers.page:describe")(run, config, Heading(job, job, "own answers"))

    name = job.removeprefix("train ")
    _with(page, _load(f"posttraining.train.{name}.settings:Train{name.capitalize()}Config"), job, run)


def _watch(job: str, run: Any) -> None:
    from antigrad.geometry.page import write_certificate_page

    write_certificate_page(run)


OWN: dict[str, Callable[[str, Any], None]] = {
    "train bon": _answers_of, "train rwr": _answers_of,
    "train tiny-policy": _tiny, "explain-text": _text, "unlearn": _unlearn, "lab run": _lab, "lab simulate": _lab,
    "watch": _watch,
}  # fmt: skip


def most_memory() -> float:
    """The most that this process ever held, in MiB; what the kernel counts for it alone where it does."""
    status = Path("/proc/self/status")
    if status.exists():  # ru_maxrss of a new process begins with what its parent held
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    import torch

    torch.set_num_threads(1)
    began = time.monotonic(), time.process_time()
    imported = most_memory()
    describe(sys.argv[1], Path(sys.argv[2]))
    spent = {"seconds": time.monotonic() - began[0], "cpu": time.process_time() - began[1]}
    sys.stdout.write(json.dumps(spent | {"mebibytes": most_memory(), "at the start": imported}) + "\n")
