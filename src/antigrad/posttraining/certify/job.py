"""`antigrad certify`: was the whole move between two checkpoints descent, on which part, in which layers."""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from antigrad.core.checkpoints import flaw, tell
from antigrad.core.errors import InputValueError, raise_all
from antigrad.core.progress import progress
from antigrad.core.runs import RunFolder
from antigrad.language.limits import check_fits, positions_of
from antigrad.language.reads import check_causal
from antigrad.posttraining.certify.data import Example, Tokens, digest, drawn, to_tokens
from antigrad.posttraining.certify.figures import (
    SUM,
    finite_figures,
    noise_figures,
    part_figures,
    take_sums,
    window_figures,
)
from antigrad.posttraining.certify.gradients import (
    SIGNS,
    Halves,
    batches,
    gradient_of,
    part_loss,
    save_gradient,
    scored,
)
from antigrad.posttraining.certify.models import Move, load_move
from antigrad.posttraining.certify.page import describe
from antigrad.posttraining.certify.settings import CertifyConfig
from antigrad.posttraining.certify.spread import evidence_figures, part_evidence, row_drops, summed

HALVES = (1, 2)

Rows = dict[tuple[str, int], list[Tokens]]
"""Rows in tokens of each part and half."""


def certify(config: CertifyConfig) -> RunFolder:
    r"""Certify the move between two checkpoints on data that should be likelier, unlikelier or unchanged.

    $$\Delta=\theta'-\theta,\qquad y_a=-\nabla\mathcal L_a(\theta),\qquad e_a=y_a\cdot\Delta,\qquad
    \mathcal L_{up}=-\overline{\ln\pi},\quad\mathcal L_{down}=+\overline{\ln\pi},\quad
    \mathcal L_{anchor}=-\overline{\ln\pi}$$

    with the mean over the tokens of the responses. Of each part: the first-order effect e_a and the
    drop that was measured, the angle ψ between Δ and y_a, the least κ at each granularity, the layers
    that go against it, whether effect and drop are distinguishable from chance by the spread of its rows, and from
    two halves of them how noisy its gradient is; then the weights of the down part at which every part would have
    gained.
    Gradients go to the run's `checkpoints` as they are done, so an interrupted run resumes with `resume=True` to the
    same figures; they are removed when the run is finished.

    Args:
        config: See `CertifyConfig`.

    Returns:
        The run: in the ledger a row `half` for each half of a part, and a row `move` for each part
        and for their sum; summary and page.

    Raises:
        AntigradError: The settings, the models, the data or the output folder are not usable.

    Sign: an effect and a drop above zero are an improvement of the part: up and anchor became
        likelier, down less likely.

    Source: Shoji, Suzuki, Kozachkov 2024, arXiv 2409.16422; parts, blocks, window and the angle of a
        finite step derived here.

    Deviations: the gradients are those at the model before. For a long move their first-order effect
        and the measured drop may differ, even in sign: both are reported.

    Example:
        >>> CertifyConfig("tiny", "runs/tiny-policy/checkpoints/policy")
        Traceback (most recent call last):
        antigrad.core.errors.ManyInputsError: settings of certify: 1 problem
          1. no data: give at least one of --up, --down, --anchor, --pairs
    """
    examples = {part: drawn(rows, config.max_rows, config.seed) for part, rows in config.read().items()}
    # What can't be read leaves no run behind; a folder that has one is refused before models are loaded.
    ready = None if (config.output / "run.yaml").exists() else _ready(config, examples)
    run = RunFolder.start(config.output, job="certify", config=config, resume=config.resume, free=("output", "resume"))
    if run.summary:
        return run
    work = _Work(config, run, examples, *(ready or _ready(config, examples)))
    with run.refusals():
        work.check_same()
        if not run.ledger.rows("window"):
            work.gradients()
            work.figures()
    shutil.rmtree(run.path / "checkpoints", ignore_errors=True)
    describe(run, config)
    return run


def _ready(config: CertifyConfig, examples: Mapping[str, list[Example]]) -> tuple[Move, Rows]:
    """Load the models and turn the data into tokens.

    Args:
        config: See `CertifyConfig`.
        examples: Rows of each part.

    Returns:
        The move; of each part and half the rows that have a token to score.

    Raises:
        ManyInputsError: A half is empty, or has tokens the model does not know.
    """
    move = load_move(config)
    check_causal(move.before.model, config.before)
    limit = min(config.max_tokens, positions_of(move.before.model) or config.max_tokens)
    found: Rows = {}
    problems: list[str] = []
    for part, of_part in examples.items():
        tokens = [to_tokens(example, move.before.tokenizer, limit) for example in of_part]
        for half in HALVES:
            rows = found[part, half] = [row for row in tokens[half - 1 :: 2] if row is not None]
            if not rows:
                problems.append(f"{part}: no row of half {half} has a token to score among its first {limit}")
        try:
            for row in (one for one in tokens if one is not None):
                check_fits(move.before.model, row.ids, 0, name=part, shorten="lower max_tokens")
        except InputValueError as error:
            problems.append(str(error))
    raise_all("the data of certify", problems)
    return move, found


@dataclass(frozen=True)
class _Work:
    """What stays the same from part to part."""

    config: CertifyConfig
    run: RunFolder
    examples: Mapping[str, list[Example]]
    move: Move
    halves: Rows

    def check_same(self) -> None:
        """Write what the run is about, or refuse to resume with other data or weights.

        Raises:
            InputValueError: They are others now.
        """
        data, weights = {part: digest(rows) for part, rows in self.examples.items()}, self.move.fingerprint()
        known = self.run.ledger.rows("setup")
        if not known:
            moved, still = len(self.move.moved), self.move.still
            self.run.ledger.append({"kind": "setup", "data": data, "weights": weights, "moved": moved, "still": still})
            return
        changed = [part for part, rows in data.items() if known[0]["data"].get(part) != rows]
        if not all(math.isclose(*pair, rel_tol=1e-5) for pair in zip(weights, known[0]["weights"], strict=True)):
            changed.append("weights")
        if changed:
            raise InputValueError(
                f"other {', '.join(changed)} than this run began with", "the same files", "choose another --output"
            )

    def file(self, part: str, half: int) -> Path:
        return self.run.path / "checkpoints" / f"{part}-{half}.safetensors"

    def _intact(self, part: str, half: int, sha256: object) -> bool:
        wrong = flaw(self.file(part, half), sha256)
        if wrong is not None:
            tell(f"{self.file(part, half)} {wrong}: it is computed again")
        return wrong is None

    def gradients(self) -> None:
        """Take the gradient and the loss of each half at the model before, then the loss at the one after."""
        halves = self.halves
        passes = {key: len(batches(rows, self.config.rows_at_once)) for key, rows in halves.items()}
        slopes = {(row["part"], row["half"]) for row in self.run.ledger.rows("slope")}
        written = {(row["part"], row["half"]): row.get("sha256") for row in self.run.ledger.rows("half")}
        after = {(row["part"], row["half"]) for row in self.run.ledger.rows("after")}
        before = {key for key, sha256 in written.items() if self._intact(*key, sha256)}
        done = sum(count for key, count in passes.items() if key in before)
        done += sum(count for key, count in passes.items() if key in after)
        done += sum(count for key, count in passes.items() if key in slopes)
        common: Any = {"rows_at_once": self.config.rows_at_once}
        with progress("passes", 3 * sum(passes.values()), done=done) as bar:
            for (part, half), rows in halves.items():
                if (part, half) in before:
                    continue
                each: list[float] = []
                loss, gradient = gradient_of(self.move.before.model, rows, SIGNS[part], bar=bar, each=each, **common)
                sha256 = save_gradient(self.file(part, half), gradient)
                counts = {"rows": len(rows), "tokens": scored(rows), "left_out": self._left_out(part, half, rows)}
                lengths = [scored([row]) for batch in batches(rows, self.config.rows_at_once) for row in batch]
                counts |= {"each": each, "tokens_each": lengths}
                counts["ends_added"] = sum(row.ended for row in rows)
                self.run.ledger.append(
                    {"kind": "half", "part": part, "half": half, "loss": loss, "sha256": sha256} | counts
                )
            for (part, half), rows in halves.items():
                if (part, half) not in slopes:
                    drops = row_drops(self.move, rows, SIGNS[part], bar=bar, **common)
                    self.run.ledger.append({"kind": "slope", "part": part, "half": half, "each": drops})
            device = self.move.before.device
            self.move.before.model.cpu()
            self.move.after.to(device)
            for (part, half), rows in halves.items():
                if (part, half) not in after:
                    each = []
                    loss = part_loss(self.move.after, rows, SIGNS[part], bar=bar, each=each, **common)
                    self.run.ledger.append({"kind": "after", "part": part, "half": half, "loss": loss, "each": each})
            self.move.after.cpu()

    def _left_out(self, part: str, half: int, rows: list[Tokens]) -> int:
        return len(self.examples[part][half - 1 :: 2]) - len(rows)

    def figures(self) -> None:
        """From gradients and losses to the rows of the parts, their sum, and the window."""
        weights = {part: self.config.down_weight if part == "down" else 1.0 for part in self.examples}
        rows = {(row["part"], row["half"]): row for row in self.run.ledger.rows("half")}
        ends = {(row["part"], row["half"]): row for row in self.run.ledger.rows("after")}
        parts = {part: self._halves(part, rows) for part in self.examples}
        sums = take_sums(self.move, parts, weights)
        slopes = {(row["part"], row["half"]): row for row in self.run.ledger.rows("slope")}
        says = {
            part: part_evidence(*([kind[part, half] for half in HALVES] for kind in (rows, ends, slopes)))
            for part in parts
        }
        losses: dict[str, tuple[float, float]] = {}
        written, new = {row["part"] for row in self.run.ledger.rows("move")}, list[dict[str, Any]]()
        for label, table in sums.tables.items():
            row: dict[str, Any] = {"kind": "move", "part": label} | part_figures(table)
            if label == SUM:
                both = [sum(weights[part] * losses[part][end] for part in parts) for end in (0, 1)]
                losses[label] = (both[0], both[1])
                each = {kind: {part: one[kind] for part, one in says.items()} for kind in ("effect", "drop")}
                effect, drop = (summed(each[kind], weights) for kind in ("effect", "drop"))
            else:
                losses[label] = self._mean(label, rows), self._mean(label, ends, rows)
                counted = ("rows", "tokens", "left_out", "ends_added")
                row |= {key: sum(rows[label, half].get(key, 0) for half in HALVES) for key in counted}
                row |= noise_figures(sums.halves[label], row["descent_sq"], row["step_sq"])
                effect, drop = says[label]["effect"], says[label]["drop"]
            loss, later = losses[label]
            row |= {"loss_before": loss, "loss_after": later} | finite_figures(table, loss - later)
            row |= evidence_figures(row["cos"], effect, drop)
            if label not in written:
                new.append(row)
        window = window_figures(sums, list(parts), self.config.down_weight)
        self.run.ledger.extend([*new, {"kind": "window", "down_weight": self.config.down_weight} | window])

    def _halves(self, part: str, rows: Mapping[tuple[str, int], Mapping[str, Any]]) -> Halves:
        one, two = (rows[part, half]["tokens"] for half in HALVES)
        return Halves((self.file(part, 1), self.file(part, 2)), (one, two))

    def _mean(self, part: str, losses: Mapping[Any, Any], counts: Mapping[Any, Any] | None = None) -> float:
        tokens = [(counts or losses)[part, half]["tokens"] for half in HALVES]
        total = sum(count * losses[part, half]["loss"] for count, half in zip(tokens, HALVES, strict=True))
        return total / sum(tokens)
