"""What a rule for pairs goes together with."""

from __future__ import annotations

from typing import Any, cast

from antigrad.core.errors import AntigradError, raise_all
from antigrad.credit.pairs import PAIR_CREDIT, PairRule

LOSSES = (
    "sigmoid", "hinge", "ipo", "exo_pair", "nca_pair", "robust", "bco_pair", "sppo_hard", "aot", "aot_unpaired",
    "apo_zero", "apo_down", "discopop", "sft", "sigmoid_norm",
)  # fmt: skip
"""Loss types of TRL 1.16; it finds out only in the first step."""
SORTED = ("aot", "aot_unpaired")


def check_options(credit: str, config: Any) -> PairRule:
    """Check a rule against TRL's configuration.

    Args:
        credit: The rule, as `name(option=value)`.
        config: A `DPOConfig`.

    Returns:
        The rule.

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
    raise_all("options of DPOTrainer", problems)
    return cast(PairRule, rule)
