"""What the rows of pairs add up to, and the sections that tell it."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from sys import intern
from typing import Any

from antigrad.core.page import Chart, Column, Section, Table
from antigrad.core.streams import stream_seed
from antigrad.posttraining.evaluate.pairs import displaced
from antigrad.posttraining.evaluate.settings import EvaluateConfig
from antigrad.posttraining.probes.bootstrap import Estimate, Resamples

Row = Mapping[str, Any]
PROBES = {
    "chosen": "correct",
    "rejected": "wrong",
    "initial": "the base's greedy answer",
    "other_test": "answer to another question",
    "random_sentence": "unrelated sentence",
    "shuffled_chosen": "correct, words shuffled",
    "random_tokens": "random tokens",
    "argmax_path": "argmax at every place",
    "outside": "mass outside the argmax",
}
STEPS = {
    "pulled": ("pulled", "the correct answer's own pull"),
    "pushed": ("pushed", "what the push on the wrong answer does to the correct one; below 0 it takes from it"),
    "predicted": ("in all", "their sum: below 0 the next step of DPO lowers the correct answer"),
    "measured": ("measured", "the same by a small step, taken and taken back"),
    "adjustment": ("‖A‖", "mean over places, Frobenius"),
    "residual_chosen": ("‖π − e‖ correct", "mean over tokens"),
    "residual_rejected": ("‖π − e‖ wrong", "mean over tokens"),
}
Columns = dict[str, "array[float]"]
"""Figures by name, eight bytes each."""


class Mass:
    """What became of the base's pairs under every checkpoint.

    Args:
        rows: Rows of kind `pair`, those of the base before those of the checkpoints; a stream too.
        config: What was asked.
    """

    def __init__(self, rows: Iterable[Row], config: EvaluateConfig) -> None:
        self._config = config
        self._base: dict[int, Row] = {}
        self._changes: dict[str, Columns] = {}
        self._steps: dict[str, Columns] = {}
        for row in rows:
            name = row["model"]
            if row["step"] is not None:
                _add(self._steps.setdefault(name, {}), row["step"])
            if name == config.base:
                self._base[row["question"]] = _needed(row)
            elif row["question"] in self._base:
                _add(self._changes.setdefault(name, {}), _change(self._base[row["question"]], row))
        self._others = [name for name in config.checkpoints if name != config.base and name in self._changes]

    def changes(self, name: str) -> Columns:
        """Changes of one checkpoint against the base.

        Args:
            name: The checkpoint.

        Returns:
            Over the pairs that have them: nats by probe, whether the correct answer lost, the share of the argmax.
        """
        return self._changes[name]

    def figures(self) -> dict[str, Any]:
        """Headline figures.

        Returns:
            Means over pairs of every checkpoint, by the names of `PROBES`; empty without pairs.
        """
        out: dict[str, Any] = {"pairs": len(self._base)} if self._base else {}
        for name in self._others:
            label, changes = self._config.labels[name], self.changes(name)
            for key in ("chosen", "rejected", "argmax_path", "outside", "displaced", "argmax_gain"):
                out[f"pair_{key}/{label}"] = _mean(changes.get(key, ()))
        return out

    def sections(self) -> list[Section]:
        """Tell it.

        Returns:
            Table and chart of the changes, and the table of the step; none without pairs.
        """
        if not self._base or not self._others:
            return []
        steps = self._step_table()
        return [self._table(), self._chart(), *([steps] if steps is not None else [])]

    def _table(self) -> Table:
        columns = [
            Column("label", "checkpoint"),
            Column(
                "chosen",
                "Δ ln π correct",
                "signed",
                "nats, mean over pairs, and its interval",
                spread=["chosen_low", "chosen_high"],
            ),
            Column("displaced", "correct lost", "percent", "share of pairs: likelihood displacement"),
            Column("rejected", "Δ ln π wrong", "signed"),
            Column("argmax_gain", "to the argmax", "percent", "share of what the wrong answer lost, place by place"),
            Column("argmax_path", "Δ argmax path", "signed", "along the correct answer"),
            Column("outside", "Δ outside", "signed", "log of the mass outside the argmax, along the correct answer"),
        ]
        lines: list[dict[str, Any]] = []
        for name in self._others:
            changes = self.changes(name)
            chosen = self._estimate(changes["chosen"])
            line: dict[str, Any] = {"label": self._config.labels[name]}
            line |= {"chosen_low": chosen.low, "chosen_high": chosen.high}
            keys = ("chosen", "rejected", "displaced", "argmax_gain", "argmax_path", "outside")
            lines.append(line | {key: _mean(changes.get(key, ())) for key in keys})
        text = (
            f"{len(self._base)} pairs: of questions to which the base gave correct and wrong answers, the likeliest of "
        )
        text += (
            "either kind. Squeezing: everything falls but the argmax path, and the mass outside the argmax falls too."
        )
        return Table("Where the mass went", columns, lines, text)

    def _chart(self) -> Chart:
        names = [name for name in PROBES if any(name in row["log_probs"] for row in self._base.values())]
        data = [
            {
                "type": "bar",
                "name": self._config.labels[checkpoint],
                "x": [PROBES[name] for name in names],
                "y": [_mean(self.changes(checkpoint).get(name, ())) for name in names],
            }
            for checkpoint in self._others
        ]
        layout = {"barmode": "group", "yaxis": {"title": {"text": "change against the base, nats"}}}
        text = "Mean over pairs of the change of log-likelihood of responses to the same prompts."
        return Chart("Which responses gained and lost", {"data": data, "layout": layout}, text)

    def _step_table(self) -> Table | None:
        columns = [Column("label", "checkpoint")]
        columns += [Column(key, label, "number", text) for key, (label, text) in STEPS.items()]
        lines: list[dict[str, Any]] = []
        for name in (self._config.base or "", *self._others):
            steps = self._steps.get(name)
            if steps is not None:
                line: dict[str, Any] = {"label": self._config.labels[name]}
                lines.append(line | {key: _mean(steps[key]) for key in STEPS})
        text = "The A K G decomposition of one step of DPO on each pair from the checkpoint's own weights, for its "
        text += (
            "correct answer: nats per unit of step size, mean over pairs. Only models whose gradients of all tokens "
        )
        text += "fit in memory have it."
        return Table("The next step, taken apart", columns, lines, text) if lines else None

    def _estimate(self, values: Sequence[float]) -> Estimate:
        seed, config = stream_seed(self._config.seed, "bootstrap of pairs"), self._config
        draws = Resamples(len(values), count=config.resamples, level=config.level, seed=seed)
        return draws.ratio(list(values))


def _add(columns: Columns, row: Mapping[str, float]) -> None:
    for key, value in row.items():
        columns.setdefault(key, array("d")).append(value)


def _needed(row: Row) -> Row:
    # Of a row of the base what changes are measured from; its names are those of all rows.
    known = {intern(key): value for key, value in row["log_probs"].items()}
    places = {key: array("d", row[key]) for key in ("own", "rival_log_probs")}
    return {"log_probs": known, "rivals": array("q", row["rivals"]), **places}


def _change(base: Row, now: Row) -> dict[str, float]:
    line = {key: now["log_probs"][key] - value for key, value in base["log_probs"].items()}
    moved = displaced(base, now)
    line["displaced"] = float(moved.displaced)
    return line if moved.argmax_gain is None else line | {"argmax_gain": moved.argmax_gain}


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
