"""What a rule for pairs goes together with."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any, cast

from antigrad.core.catalog import parse_spec
from antigrad.core.errors import AntigradError, raise_all
from antigrad.credit.pairs import PAIR_CREDIT, PairRule
from antigrad.objectives.pairs import PairLoss
from antigrad.posttraining.train.dpo.losses import loss_of

LOSSES = (
    "sigmoid", "hinge", "ipo", "exo_pair", "nca_pair", "robust", "bco_pair", "sppo_hard", "aot", "aot_unpaired",
    "apo_zero", "apo_down", "discopop", "sft", "sigmoid_norm",
)  # fmt: skip
"""Loss types of TRL 1.16; it finds out only in the first step."""
SORTED = ("aot", "aot_unpaired")


def check_options(credit: str, config: Any, loss: str = "") -> tuple[PairRule, PairLoss | None]:
    """Check a rule and a loss against TRL's configuration.

    Args:
        credit: The rule, as `name(option=value)`.
        config: A `DPOConfig`.
        loss: A loss of ours, likewise; empty takes TRL's.

    Returns:
        The rule, and the loss or None.

    Raises:
        ManyInputsError: All that does not go together.
    """
    problems: list[str] = []
    rule: PairRule | None = None
    try:
        rule = PAIR_CREDIT.make(credit)
    except (AntigradError, TypeError) as error:
        problems.append(f"credit={credit}: {error}")
    kinds = [config.loss_type] if isinstance(config.loss_type, str) else list(config.loss_type)
    unknown = sorted(set(kinds) - set(LOSSES))
    if unknown:
        problems.append(f"loss_type={', '.join(unknown)}: one of {', '.join(sorted(LOSSES))} is needed")
    if rule is not None and credit != "none":
        unpaired = [name for name in kinds if name in SORTED]
        if unpaired:
            problems.append(f"loss_type={', '.join(unpaired)} sorts pairs apart: a factor a pair has no meaning there")
    objective: PairLoss | None = None
    if loss:
        problems += [f"{text}: loss={loss} replaces TRL's loss" for text in _of_its_loss(config)]
        if credit != "none" and parse_spec(loss)[0] == "unlikelihood":
            problems.append(f"credit={credit}: loss={loss} has no rejected log-probability to multiply, but tokens")
        try:
            objective = loss_of(loss)
        except (AntigradError, TypeError) as error:
            problems.append(f"loss={loss}: {error}")
    raise_all("options of DPOTrainer", problems)
    return cast(PairRule, rule), objective


def _of_its_loss(config: Any) -> list[str]:
    """List options of TRL's that change its loss.

    Args:
        config: A `DPOConfig`.

    Returns:
        Those that are not at their defaults.
    """
    defaults = {one.name: one for one in fields(config)}
    names = ("loss_type", "loss_weights", "label_smoothing", "f_divergence_type", "use_weighting", "ld_alpha")
    found: list[str] = []
    for name in names:
        one = defaults[name]
        usual = one.default_factory() if one.default_factory is not MISSING else one.default
        if getattr(config, name) != usual:
            found.append(f"trl.{name}={getattr(config, name)}")
    return found
