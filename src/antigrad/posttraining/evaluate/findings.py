"""What the rows of an evaluation add up to, checkpoint by checkpoint. Pure functions of the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from antigrad.core.streams import stream_seed
from antigrad.posttraining.evaluate.settings import EvaluateConfig
from antigrad.posttraining.probes.bootstrap import Estimate, Resamples, Values
from antigrad.posttraining.probes.passk import Solved, Verdicts, pass_curve, pass_gains, solved_by
from antigrad.posttraining.probes.stages import Boundary, boundary

Row = Mapping[str, Any]

MEASURES: dict[str, Callable[[Row], float | None]] = {
    "greedy_accuracy": lambda row: float(row["greedy"]),
    "entropy": lambda row: row["entropy"],
    "distinct": lambda row: row["distinct"],
    "distinct_correct": lambda row: row["distinct_correct"],
    "response_length": lambda row: row["tokens"] / len(row["verdicts"]),
    "truncated_share": lambda row: row["truncated"] / len(row["verdicts"]),
    "log_prob_correct": lambda row: row["log_prob_correct"],
}
"""Figures of one question, of which the mean over questions is reported."""


@dataclass(frozen=True)
class Findings:
    """Figures of one checkpoint.

    Args:
        label: Its short name.
        is_base: It is the base model.
        reason: Why it could not be evaluated; None if it was.
        rows: Its answers, one per question of the task; None where a question failed.
        base_rows: Those of the base model alike.
        passes: pass@k for each k.
        gains: pass@k over the base for each k; empty without a base.
        measures: Figures of `MEASURES`.
        explored: Positive-mass share E.
        rare: Mean change of log-likelihood of the base's rare correct responses, nats.
        common: The same of its likeliest correct response of each question.
        reach: How many rare correct responses came within reach of the largest k, left it, or neither.
        solved: Questions solved within the largest k by the base and by this checkpoint; None without a base.
    """

    label: str
    is_base: bool
    reason: str | None
    rows: Sequence[Row | None]
    base_rows: Sequence[Row | None]
    passes: Mapping[int, Estimate]
    gains: Mapping[int, Estimate]
    measures: Mapping[str, Estimate]
    explored: Estimate
    rare: Estimate
    common: Estimate
    reach: Mapping[Boundary, int]
    solved: Solved | None

    @property
    def asked(self) -> int:
        """Questions that could be asked."""
        return sum(row is not None for row in self.rows)


def findings(rows: Sequence[Row], config: EvaluateConfig) -> list[Findings]:
    """Add up the rows of a run.

    Args:
        rows: All rows of the ledger, as `facts_of` keeps them.
        config: What was asked.

    Returns:
        Figures of every checkpoint, the base first. Every interval is from the same resamples of the questions.
    """
    answers = {
        name: {row["question"]: row for row in rows if row["kind"] == "answers" and row["model"] == name}
        for name in config.checkpoints
    }
    count = 1 + max(question for of_model in answers.values() for question in of_model)
    seed = stream_seed(config.seed, "bootstrap")
    comparisons = max(1, len(config.checkpoints) - 1) * len({config.ks[0], config.ks[-1]})  # what the lead says
    resamples = Resamples(count, count=config.resamples, level=config.level, seed=seed, comparisons=comparisons)
    base = _asked(answers.get(config.base or "", {}), count)
    models = {row["model"]: row for row in rows if row["kind"] == "model"}
    return [_findings(name, answers[name], models.get(name), base, config, resamples) for name in config.checkpoints]


def _asked(answers: Mapping[int, Row], count: int) -> list[Row | None]:
    found = [answers.get(question) for question in range(count)]
    return [row if row is not None and row["status"] == "done" else None for row in found]


def _findings(
    name: str,
    answers: Mapping[int, Row],
    model: Row | None,
    base: Sequence[Row | None],
    config: EvaluateConfig,
    resamples: Resamples,
) -> Findings:
    own = _asked(answers, len(base))
    verdicts, theirs = _verdicts(own), _verdicts(base)
    compared = config.base is not None and name != config.base and any(own) and any(base)
    pairs = list(zip(own, base, strict=True)) if compared else []
    changes = [probe_changes(row, other) if row and other else None for row, other in pairs] or [None] * len(own)
    reason = next((row["reason"] for row in (model, *answers.values()) if row and row["status"] == "failed"), None)
    return Findings(
        label=config.labels[name],
        is_base=name == config.base,
        reason=None if any(own) else reason,
        rows=own,
        base_rows=base,
        passes=pass_curve(verdicts, config.ks, resamples),
        gains=pass_gains(verdicts, theirs, config.ks, resamples) if compared else {},
        measures={key: resamples.ratio(_values(own, measure)) for key, measure in MEASURES.items()},
        explored=resamples.ratio(
            _values(own, lambda row: row["positive_mass_rare"]), _values(own, lambda row: row["positive_mass"])
        ),
        rare=resamples.ratio(_means([change[1:] if change else None for change in changes])),
        common=resamples.ratio(_means([change[:1] if change else None for change in changes])),
        reach=_reach(pairs, config.ks[-1]),
        solved=solved_by(verdicts, theirs, config.ks[-1]) if compared else None,
    )


def probe_changes(row: Row, base: Row) -> list[float] | None:
    """Changes of log-likelihood of the base's correct responses to one question.

    Args:
        row: The checkpoint's row.
        base: The base model's row.

    Returns:
        ln π_T − ln π_0 in nats, of the likeliest response first, then of the rare ones; None where they were not
        measured: none was correct, or the checkpoint has other tokens.

    Sign: below 0 the checkpoint gives the response less likelihood than the base.
    """
    if not row.get("probe_log_probs"):
        return None
    return [now - then for now, then in zip(row["probe_log_probs"], base["probe_log_probs"], strict=True)]


def _reach(pairs: Sequence[tuple[Row | None, Row | None]], k: int) -> Mapping[Boundary, int]:
    found = Counter[Boundary]()
    for row, base in pairs:
        if row is None or base is None or not row.get("probe_log_probs"):
            continue
        rare = zip(base["probe_log_probs"][1:], row["probe_log_probs"][1:], strict=True)
        found.update(boundary(before, after, k) for before, after in rare)
    return found


def _verdicts(rows: Sequence[Row | None]) -> list[Verdicts | None]:
    return [None if row is None else row["verdicts"] for row in rows]


def _values(rows: Sequence[Row | None], measure: Callable[[Row], float | None]) -> Values:
    return [None if row is None else measure(row) for row in rows]


def _means(rows: Sequence[Sequence[float] | None]) -> Values:
    return [sum(row) / len(row) if row else None for row in rows]
