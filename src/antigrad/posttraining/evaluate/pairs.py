"""Where probability went on the base's own pairs: probe responses, squeezing, displacement, a step taken apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from antigrad.core.errors import InputValueError
from antigrad.core.page_bounds import worst
from antigrad.language.policy import Policy
from antigrad.language.tasks import Task
from antigrad.posttraining.pairs.generate import prompt_text, said
from antigrad.posttraining.pairs.pair import Pair, Tokens
from antigrad.posttraining.pairs.responses import measure, probe_tokens
from antigrad.posttraining.probes.decomposition import one_step
from antigrad.posttraining.probes.displacement import Displacement, Receipt, displacement
from antigrad.posttraining.probes.likelihood import distributions

Row = Mapping[str, Any]
STEP = 1e-5
"""Step that is taken and taken back; figures of it are given per unit of step size."""


@dataclass(frozen=True)
class PairProbes:
    """Measures a checkpoint on pairs of a correct and a wrong answer of the base.

    Args:
        task: How questions are put.
        max_new_tokens: Longest greedy answer.
        seed: Seed of what is drawn.
    """

    task: Task
    max_new_tokens: int
    seed: int

    def pairs(self, answers: Iterable[Row], limit: int) -> list[Pair]:
        """Make pairs of the base's answers.

        Args:
            answers: Its rows, one per question; a stream too.
            limit: Pairs at most, one per question.

        Returns:
            The likeliest correct answer to each question against the likeliest wrong one, where there are both;
            `row` is the question's number, from 1. Answers that are empty or were cut off are not used.
        """
        return sorted(worst(self._pairs(answers), limit, lambda pair: pair.row), key=lambda pair: pair.row)

    def _pairs(self, answers: Iterable[Row]) -> Iterator[Pair]:
        for row in answers:
            sides: dict[bool, list[Row]] = {True: [], False: []}
            for one in row["responses"]:
                if one["text"].strip() and not one["truncated"]:
                    sides[one["correct"]].append(one)
            if all(sides.values()):
                up, down = (
                    said(self.task, max(sides[side], key=lambda one: one["log_prob"])["text"]) for side in (True, False)
                )
                prompt = prompt_text(self.task, self.task.questions[row["question"]])
                yield Pair(row["question"] + 1, prompt, up, down, answer=row["answer"])

    def base_rows(self, policy: Policy, pairs: Sequence[Pair]) -> list[dict[str, Any]]:
        """Measure the base, and keep the tokens that all checkpoints are measured on.

        Args:
            policy: The base.
            pairs: The pairs.

        Returns:
            A row each.
        """
        made = probe_tokens(policy, pairs, None, max_new_tokens=self.max_new_tokens, seed=self.seed)
        rows: list[dict[str, Any]] = []
        for pair, probes in zip(pairs, made, strict=True):
            prompt = probes["chosen"].prompt
            kept = {name: tokens.chosen for name, tokens in probes.items() if tokens.prompt == prompt and tokens.chosen}
            if not {"chosen", "rejected"} <= set(kept):
                continue  # where tokens merge over the end of the prompt, the two have no prompt in common
            rows.append(self.row(policy, {"question": pair.row - 1, "prompt": prompt, "tokens": kept}, None))
        return rows

    def row(self, policy: Policy, known: Row, base: Row | None) -> dict[str, Any]:
        """Measure a model on one pair.

        Args:
            policy: The model.
            known: Question, prompt and tokens of the probe responses.
            base: The base's row; None if this is the base.

        Returns:
            Log-probabilities of the responses in nats, argmax path and mass outside it along the chosen one, what is
            needed of the places of the rejected one, and one step taken apart where the model is small enough.
        """
        probes = {name: Tokens(known["prompt"], ids, []) for name, ids in known["tokens"].items()}
        row: dict[str, Any] = {"kind": "pair", "question": known["question"], "status": "probed"}
        row["log_probs"] = measure(policy, [probes])[0]
        row |= self._along(policy, known, base) | {"step": self._step(policy, known)}
        return row if base is not None else row | {"prompt": known["prompt"], "tokens": known["tokens"]}

    @torch.no_grad()
    def _along(self, policy: Policy, known: Row, base: Row | None) -> dict[str, Any]:
        tokens = torch.tensor(known["tokens"]["rejected"], device=policy.device)[:, None]
        prompt = torch.tensor(known["prompt"], device=policy.device)
        everything = distributions(policy, prompt, tokens[None, :, 0], 1.0)[0].double()
        if base is None:
            rivals = everything.scatter(-1, tokens, -torch.inf).argmax(-1)
        else:
            rivals = torch.tensor(base["rivals"], device=policy.device)
        own, other = (everything.gather(-1, ids)[:, 0].tolist() for ids in (tokens, rivals[:, None]))
        return {"own": own, "rivals": rivals.tolist(), "rival_log_probs": other}

    def _step(self, policy: Policy, known: Row) -> dict[str, float] | None:
        prompt = torch.tensor(known["prompt"], device=policy.device)
        chosen, rejected = known["tokens"]["chosen"], known["tokens"]["rejected"]
        weights = {"chosen_weight": 1.0, "rejected_weight": 1.0, "step_size": STEP}
        try:
            found = one_step(policy, prompt, chosen, rejected, (prompt, chosen), **weights)
        except InputValueError:  # gradients of all tokens would not fit
            return None
        sums = {name: float(getattr(found, name).sum()) for name in ("pulled", "pushed", "predicted", "measured")}
        out = {name: value / STEP for name, value in sums.items()}
        out["adjustment"] = float(found.adjustment.mean())
        sides = (found.residual_chosen, found.residual_rejected)
        return out | dict(zip(("residual_chosen", "residual_rejected"), (float(x.mean()) for x in sides), strict=True))


def displaced(base: Row, now: Row) -> Displacement:
    """Say what became of a pair between the base and a checkpoint.

    Args:
        base: The base's row.
        now: The checkpoint's.

    Returns:
        Changes of both responses, and the share of what the rejected one lost that went to the likeliest other token.

    Sign: `chosen` below 0 is likelihood displacement.
    """
    receipts: list[Receipt] = []
    first = zip(base["own"], base["rival_log_probs"], base["rivals"], strict=True)
    for (own, other, rival), after, gained in zip(first, now["own"], now["rival_log_probs"], strict=True):
        lost, to = (_moved(*pair) for pair in ((own, after), (other, gained)))
        share = to / -lost if lost < 0 else None
        receipts.append(Receipt(-1, after - own, lost, (), -lost, rival, share))
    sides = [(base["log_probs"][name], now["log_probs"][name]) for name in ("chosen", "rejected")]
    return displacement(sides[0], sides[1], receipts)


def _moved(before: float, after: float) -> float:
    one, two = torch.tensor([before, after], dtype=torch.float64)
    return float(one.exp() * torch.expm1(two - one))
