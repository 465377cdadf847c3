"""What is said of verdicts: rewards that a rule leaves out, and a verifier whose scale does not fit the threshold."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from antigrad.credit import CreditRule


def say_at_start(rule: CreditRule, credit: str, rewards: Sequence[str], args: Any, verifier: int | None) -> None:
    """Warn of what the options leave without effect.

    Args:
        rule: The credit rule.
        credit: Its specification.
        rewards: Names of the reward functions.
        args: TRL's `GRPOConfig`.
        verifier: Which of them says who is correct; None if none does.
    """
    if rule.unmixed and (len(rewards) > 1 or set(args.reward_weights or [1.0]) != {1.0}):
        _warn(
            f"credit={credit} weighs responses by the verdicts of {rewards[verifier or 0]} alone: reward_weights and "
            "other reward functions are logged, and change nothing; a rule that keeps advantages, such as nthr, "
            "positives_only or grpo_n, uses them"
        )
    if verifier is None:
        _warn(
            f"{len(rewards)} reward functions ({', '.join(rewards)}) and none named as verifier: pass@k, the share of "
            "correct responses and what became of them are left out; name one by CreditOptions(verifier=...)"
        )
    cap = args.epsilon if args.epsilon_high is None else args.epsilon_high
    if args.loss_type == "cispo" and cap < 1:
        _warn(
            f"loss_type='cispo' with epsilon_high={cap}: it caps the ratio itself, not 1 + epsilon_high, so every "
            f"weight is scaled by {cap} from the first step on; ScaleRL's value is epsilon_high=5"
        )


class Scale:
    """Looks at a verifier's rewards until it knows whether the threshold tells them apart.

    Args:
        threshold: A response is correct above it.
        credit: Specification of the rule; None if there are no verdicts.
        rule: The rule.
    """

    def __init__(self, threshold: float, credit: str | None, rule: CreditRule) -> None:
        self.threshold, self.credit, self.rule = threshold, credit, rule
        self._seen: set[float] = set()
        self._done = credit is None or credit == "none"

    def look(self, rewards: Tensor) -> None:
        """Look at the rewards of a batch.

        Args:
            rewards: (B,) of the verifier; NaN where it gave none.
        """
        if self._done:
            return
        self._seen |= set(rewards[~rewards.isnan()].tolist())
        if len(self._seen) < 2:
            return
        self._done = True
        low, high, count = min(self._seen), max(self._seen), len(self._seen)
        crossed = low <= self.threshold < high
        if crossed and count == 2:
            return
        if not crossed:
            side = "correct" if low > self.threshold else "wrong"
            fits = f"none crosses threshold={self.threshold:g}, so every response counts as {side}"
        else:
            fits = f"threshold={self.threshold:g} cuts them in two, and the rule sees no grades"
        does = "weighs by these verdicts alone" if self.rule.unmixed else "compares correct and wrong responses"
        _warn(
            f"the verifier's rewards go from {low:g} to {high:g} in {count} values: {fits}; credit={self.credit} "
            f"{does}. Set CreditOptions(threshold=...), or name a verifier with rewards of 0 and 1"
        )


def _warn(text: str) -> None:
    warnings.warn(text, UserWarning, stacklevel=4)
