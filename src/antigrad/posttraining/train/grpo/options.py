"""Options of `GRPOTrainer` beside TRL's, and which combinations make no sense."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import partial
from importlib.util import find_spec
from typing import Any

from torch import nn

from antigrad.core.errors import AntigradError, did_you_mean, raise_all
from antigrad.credit import CREDIT, CreditRule
from antigrad.credit.vocabulary import check_vocabulary

LOSSES = ("grpo", "dr_grpo", "dapo", "bnpo", "cispo", "sapo", "luspo", "vespo")
"""Loss types of TRL 1.16; it notices an unknown one only after the first batch was sampled."""
CHOICES: dict[str, tuple[str, ...]] = {
    "loss_type": LOSSES,
    "importance_sampling_level": ("token", "sequence"),
    "scale_rewards": ("group", "batch", "none"),
    "multi_objective_aggregation": ("sum_then_normalize", "normalize_then_sum"),
}
"""Its other options of which the same is true."""


@dataclass(frozen=True)
class CreditOptions:
    """How the credit rule is fed and what is measured.

    Args:
        verifier: Name of the reward function that says who is correct; default: the only one.
        threshold: A response is correct if that reward is above this.
        vocabulary: Rows of the head that scores use: `full` (exact), `responses` or `top_k`.
        top_k: k of the last.
        resample: How often at most a batch is filled up with other prompts where a group has no contrast
            (dynamic sampling); 0 leaves such groups in.
        measure_every: Steps between measurements of what correct and wrong responses gained by a step, and of
            the gradient norms of the up and of the down part; each costs a forward and a backward. 0 for never.
        log_completions: Hand on the responses of measured steps with rewards, weights and tokens: `antigrad train grpo`
            keeps them in its ledger.
        metrics: Functions of your own, called as reward functions are; their means are logged as `metric/NAME`, and
            change nothing.

    Example:
        >>> CreditOptions(resample=3).measure_every
        10
    """

    verifier: str | None = None
    threshold: float = 0.5
    vocabulary: str = "full"
    top_k: int = 64
    resample: int = 0
    measure_every: int = 10
    log_completions: bool = True
    metrics: tuple[Callable[..., Sequence[float | None]], ...] = ()


def check_options(
    credit: str | CreditRule | None,
    options: CreditOptions,
    args: Any,
    rewards: Sequence[str],
    processes: int,
    *,
    sized: bool = True,
) -> CreditRule:
    """Check everything that can be checked without a model.

    Args:
        credit: Rule as `name` or `name(option=value)`, a rule itself, or None for `none`.
        options: Ours.
        args: TRL's `GRPOConfig`.
        rewards: Names of the reward functions.
        processes: How many processes train.
        sized: Whether the data set has a length.

    Returns:
        The rule.

    Raises:
        ManyInputsError: All problems at once.
    """
    problems: list[str] = []
    rule = None
    try:
        rule = credit if isinstance(credit, CreditRule) else CREDIT.make("none" if credit is None else credit)
        credit = spec_of(rule)
    except (AntigradError, TypeError) as error:
        problems.append(str(error))
    try:
        check_vocabulary(options.vocabulary)
    except AntigradError as error:
        problems.append(str(error))
    for name, least in (("top_k", 1), ("resample", 0), ("measure_every", 0)):
        value = getattr(options, name)
        if not isinstance(value, int) or value < least:
            problems.append(f"{name}={value!r}: a whole number from {least} is needed")
    named = [reward_name(metric) for metric in options.metrics]
    problems += [f"metrics: {name} is there twice" for name in dict.fromkeys(named) if named.count(name) > 1]
    problems += [f"metrics: {metric!r} can't be called" for metric in options.metrics if not callable(metric)]
    if not math.isfinite(options.threshold):
        problems.append(f"threshold={options.threshold}: a finite number is needed")
    problems += _verifier(options, rewards, needed=credit != "none" or options.resample > 0)
    problems += [
        f"{name}={value!r}: {did_you_mean(str(value), known)}"
        for name, known in CHOICES.items()
        if (value := getattr(args, name, known[0])) not in known
    ]
    if args.importance_sampling_level == "sequence" and rule is not None and rule.token_level:
        problems.append(
            f"importance_sampling_level='sequence' with credit={credit}: a ratio of whole responses averages the "
            "weights of their tokens, so the rule would do nothing it says; use 'token'"
        )
    rows, size = args.per_device_train_batch_size * args.steps_per_generation, args.num_generations
    if processes > 1 and rows % size and (credit != "none" or options.resample):
        fix = size // math.gcd(size, args.per_device_train_batch_size)
        problems.append(
            f"{rows} responses per process with num_generations={size}: groups would straddle processes; set "
            f"steps_per_generation to a multiple of {fix}"
        )
    if rule is not None and rule.auxiliary and not _several_updates(args):
        problems.append(
            f"credit={credit} with one update a batch: its penalty is 0 until the policy has moved from the one that "
            "sampled; make several, by num_iterations or steps_per_generation (--updates)"
        )
    if options.resample and not sized:
        problems.append("resample with a data set without a length: prompts are drawn by their place; use a Dataset")
    if getattr(args, "use_vllm", False) and find_spec("vllm") is None:
        problems.append("use_vllm: the package vllm is missing; pip install 'trl[vllm]'")
    raise_all("options of GRPOTrainer", problems)
    assert rule is not None  # noqa: S101 - else there was a problem
    return rule


def spec_of(rule: CreditRule) -> str:
    """Write a rule as it is asked for.

    Args:
        rule: The rule.

    Returns:
        Its name in the catalog with the options that are not the defaults, or the name of a class that is not in it.

    Example:
        >>> spec_of(CREDIT.make("nthr(eta=0)")), spec_of(CREDIT.make("none"))
        ('nthr(eta=0)', 'none')
    """
    if type(rule) not in CREDIT.classes.values():
        return type(rule).__name__
    given = {one.name: getattr(rule, one.name) for one in fields(rule) if getattr(rule, one.name) != one.default}  # pyright: ignore[reportArgumentType]
    options = ",".join(f"{name}={value}" for name, value in given.items())
    return f"{CREDIT.name_of(rule)}({options})" if options else CREDIT.name_of(rule)


def _several_updates(args: Any) -> bool:
    every = args.steps_per_generation * args.num_iterations
    return args.gradient_accumulation_steps % every != 0


def _verifier(options: CreditOptions, rewards: Sequence[str], *, needed: bool) -> list[str]:
    if options.verifier is not None and options.verifier not in rewards:
        return [f"verifier={options.verifier!r}: {did_you_mean(options.verifier, rewards)}"]
    if rewards.count(options.verifier or "") > 1:
        return [f"verifier={options.verifier!r}: {rewards.count(options.verifier or '')} functions have that name"]
    if options.verifier is None and len(rewards) > 1 and needed:
        names = ", ".join(rewards)
        return [f"{len(rewards)} reward functions ({names}) and no verifier: name the one that says who is correct"]
    return []


def reward_name(function: Any) -> str:
    """Name a reward function as TRL will in its logs.

    Args:
        function: A function, a callable object, a model or a model's name.

    Returns:
        The name.
    """
    while isinstance(function, partial):
        function = function.func
    if isinstance(function, nn.Module):
        function = str(getattr(function.config, "_name_or_path", "") or type(function).__name__)
    return (
        function.split("/")[-1] if isinstance(function, str) else getattr(function, "__name__", type(function).__name__)
    )
