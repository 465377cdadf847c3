"""What the rows of pairs add up to, and the sections that tell it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
_NEEDED = ("log_probs", "own", "rivals", "rival_log_probs")


class Mass:
    """What became of the base's pairs under every checkpoint.

    Args:
        rows: Rows of kind `pair`, those of the base before those of the checkpoints; a stream too.
        config: What was asked.
    """

    def __init__(self, rows: Iterable[Row], config: EvaluateConfig) -> None:
        self._config = config
        self._base: dict[int, Row] = {}
        changes: dict[str, dict[int, dict[str, float]]] = {}
        self._steps: dict[str, dict[int, Row]] = {}
        for row in rows:
            name, question = row["model"], row["question"]
            if row["step"] is not None:
                self._steps.setdefault(name, {})[question] = row["step"]
            if name == config.base:
                self._base[question] = {key: row[key] for key in _NEEDED}
            elif question in self._base:
                changes.setdefault(name, {})[question] = _change(self._base[question], row)
        self._changes = {name: list(lines.values()) for name, lines in changes.items()}
        self._others = [name for name in config.checkpoints if name != config.base and name in changes]

    def changes(self, name: str) -> list[dict[str, float]]:
        """Changes of one checkpoint against the base.

        Args:
            name: The checkpoint.

        Returns:
            For each pair: nats by probe, whether the correct answer lost, and the share of the argmax.
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
                out[f"pair_{key}/{label}"] = _mean([line[key] for line in changes if key in line])
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
            Column("chosen", "Δ ln π correct", "signed", "nats, mean over pairs"),
            Column("chosen_low", "from", "signed", "interval over pairs"),
            Column("chosen_high", "to", "signed"),
            Column("displaced", "correct lost", "percent", "share of pairs: likelihood displacement"),
            Column("rejected", "Δ ln π wrong", "signed"),
            Column("argmax_gain", "to the argmax", "percent", "share of what the wrong answer lost, place by place"),
            Column("argmax_path", "Δ argmax path", "signed", "along the correct answer"),
            Column("outside", "Δ outside", "signed", "log of the mass outside the argmax, along the correct answer"),
        ]
        lines: list[dict[str, Any]] = []
        for name in self._others:
            changes = self.changes(name)
            chosen = self._estimate([line["chosen"] for line in changes])
            line: dict[str, Any] = {"label": self._config.labels[name]}
            line |= {"chosen_low": chosen.low, "chosen_high": chosen.high}
            keys = ("chosen", "rejected", "displaced", "argmax_gain", "argmax_path", "outside")
            lines.append(line | {key: _mean([one[key] for one in changes if key in one]) for key in keys})
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
                "y": [_mean([line[name] for line in self.changes(checkpoint) if name in line]) for name in names],
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
            steps = list(self._steps.get(name, {}).values())
            if steps:
                line: dict[str, Any] = {"label": self._config.labels[name]}
                lines.append(line | {key: _mean([step[key] for step in steps]) for key in STEPS})
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


def _change(base: Row, now: Row) -> dict[str, float]:
    line = {key: now["log_probs"][key] - value for key, value in base["log_probs"].items()}
    moved = displaced(base, now)
    line["displaced"] = float(moved.displaced)
    return line if moved.argmax_gain is None else line | {"argmax_gain": moved.argmax_gain}


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
