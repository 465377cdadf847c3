"""From a batch of whole groups to token weights, and what the rule did, in figures."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from antigrad.core.streams import stream_seed
from antigrad.credit import CreditRule, Group, Head, Influence, group_influence
from antigrad.credit.eta import eta_of
from antigrad.posttraining.train.grpo.options import CreditOptions

FIGURES = (
    "mixed",
    "correct",
    "selected",
    "tau",
    "anchor_min",
    "anchor_mean",
    "eta",
    "missing_mass",
    "by_advantage",
    "all_correct",
    "all_wrong",
    "balance",
)
"""Means over: groups; responses; wrong tokens of mixed groups, of rules that select; mixed groups with scores, for
those that follow; groups, of rules with scores, in which signs of advantages stood for verdicts; groups; groups; groups
with a weight, of the sum of the weights of all tokens over the sum of their magnitudes."""
JUDGED = ("mixed", "correct", "all_correct", "all_wrong")
"""Those that need verdicts."""


@dataclass
class Tally:
    """Sums and counts of figures, so that means over processes are means over what was counted.

    Args:
        sums: (F,) sums, one for each of `FIGURES`.
        counts: (F,) of how many.
    """

    sums: Tensor = field(default_factory=lambda: torch.zeros(len(FIGURES), dtype=torch.float64))
    counts: Tensor = field(default_factory=lambda: torch.zeros(len(FIGURES), dtype=torch.float64))

    def add(self, name: str, value: float, count: float = 1.0) -> None:
        """Add to a figure.

        Args:
            name: One of `FIGURES`.
            value: What to add to its sum; left out when not finite.
            count: What to add to its count.
        """
        if abs(value) < float("inf"):
            self.sums[FIGURES.index(name)] += value
            self.counts[FIGURES.index(name)] += count


@dataclass(frozen=True)
class Groups:
    """Responses of whole groups, as a trainer has them.

    Args:
        tokens: (B, T) token ids.
        mask: (B, T) True where a token counts.
        correct: (B,) True where the verifier accepted.
        advantages: (B,) of the trainer.
        group: (B,) number of each response's group.
    """

    tokens: Tensor
    mask: Tensor
    correct: Tensor
    advantages: Tensor
    group: Tensor

    @classmethod
    def of(cls, batch: dict[str, Any]) -> Groups:
        """Read a trainer's batch.

        Args:
            batch: TRL's dictionary with our `group`, `correct` and `scored`.

        Returns:
            Its groups; a response that no reward function scored has no token that counts.
        """
        mask = (batch["completion_mask"] * batch.get("tool_mask", 1)).bool() & batch["scored"][:, None]
        advantages = batch["advantages"]
        return cls(batch["completion_ids"], mask, batch["correct"], advantages, batch["group"])

    def rows(self) -> list[Tensor]:
        """Rows of each group, in order of first appearance.

        Returns:
            One (g,) tensor a group.
        """
        seen = dict.fromkeys(self.group.tolist())
        return [(self.group == number).nonzero()[:, 0] for number in seen]

    def mixed(self, correct: Tensor | None = None) -> Tensor:
        """Mark responses of groups that have a correct and a wrong response that count.

        Args:
            correct: (B,) what is correct; None for the verdicts.

        Returns:
            (B,) True on them.
        """
        correct = self.correct if correct is None else correct
        counted, out = self.mask.any(-1), torch.zeros_like(correct)
        for rows in self.rows():
            here = correct[rows][counted[rows]]
            out[rows] = bool(here.any()) and not bool(here.all())
        return out

    def contrasted(self) -> Tensor:
        """Take the signs of advantages for verdicts in groups whose verdicts show no contrast.

        Returns:
            (B,) True on what counts as correct for a rule that compares two sides.
        """
        signs = self.advantages > 0
        return torch.where(self.mixed(signs) & ~self.mixed(), signs, self.correct)


@torch.no_grad()
def weigh(
    rule: CreditRule,
    groups: Groups,
    states: Tensor | None,
    head: Head | None,
    options: CreditOptions,
    seed: int,
) -> tuple[Tensor, Tally]:
    """Weigh the tokens of all groups.

    Args:
        rule: The credit rule.
        groups: Whole groups.
        states: (B, T, d) states that predict the tokens, if the rule needs them; rows of zero-variance groups
            are not read.
        head: The head, likewise.
        options: Vocabulary of the scores.
        seed: Of what the rule draws, with the group's number.

    Returns:
        (B, T) signed weights in the dtype of the advantages, and the figures.
    """
    weights, tally = torch.zeros_like(groups.mask, dtype=groups.advantages.dtype), Tally()
    sides = groups.contrasted() if rule.needs_influence else groups.correct
    for rows in groups.rows():
        tokens, mask, correct = groups.tokens[rows], groups.mask[rows], sides[rows]
        common: dict[str, Any] = {"seed": stream_seed(seed, "credit", int(groups.group[rows[0]]))}
        group = Group(tokens, mask, correct, groups.advantages[rows], **common)
        if group.mixed and states is not None and head is not None:
            hidden = states[rows]
            if rule.needs_hidden:
                common["hidden"] = hidden
            if rule.needs_influence:
                common["influence"] = group_influence(
                    hidden, tokens, mask, correct, head, vocabulary=options.vocabulary, top_k=options.top_k
                )
            group = Group(tokens, mask, correct, groups.advantages[rows], **common)
        own = rule(group)
        weights[rows] = own.to(weights.dtype)
        _count(tally, rule, group, own, groups.correct[rows])
    return weights, tally


def _count(tally: Tally, rule: CreditRule, group: Group, weights: Tensor, verdicts: Tensor) -> None:
    told = replace(group, correct=verdicts)
    tally.add("mixed", float(told.mixed))
    tally.add("correct", float((verdicts & group.counted).sum()), float(group.counted.sum()))
    any_counted = bool(group.counted.any())
    tally.add("all_correct", float(any_counted and bool((verdicts | ~group.counted).all())))
    tally.add("all_wrong", float(any_counted and not bool((verdicts & group.counted).any())))
    size = float(weights[group.mask].abs().sum())
    if size:
        tally.add("balance", float(weights[group.mask].sum()) / size)
    if rule.needs_influence:
        tally.add("by_advantage", float(group.mixed and not told.mixed))
    if not group.mixed:
        return
    if hasattr(rule, "select"):
        wrong = group.wrong_tokens()
        weakened = wrong & (weights.abs() < group.spread().abs())
        tally.add("selected", float(weakened.sum()), float(wrong.sum()))
    influence: Influence | None = group.influence
    if influence is None:
        return
    anchor = influence.anchor_others if getattr(rule, "anchor", "") == "others" else influence.anchor_inclusive
    anchors = anchor[~anchor.isnan()]
    tally.add("anchor_min", float(anchors.min()))
    tally.add("anchor_mean", float(anchors.mean()))
    tally.add("missing_mass", influence.missing_mass)
    if hasattr(rule, "threshold"):
        tally.add("tau", float(rule.threshold(influence)))  # pyright: ignore[reportAttributeAccessIssue]
    if hasattr(rule, "eta"):
        tally.add("eta", eta_of(rule.eta, group.success_rate))  # pyright: ignore[reportAttributeAccessIssue]
