"""Rules for the factor of the rejected response of a preference pair, one per file."""

from antigrad.core.catalog import Catalog
from antigrad.credit.pairs.kernel import PairKernel, pair_kernel
from antigrad.credit.pairs.rule import PairFacts, PairRule

_OTHERS = {"antigrad.credit": "groups of responses: antigrad train grpo, antigrad diagnose"}
PAIR_CREDIT: Catalog[PairRule] = Catalog("antigrad.credit.pairs", PairRule, _OTHERS)  # pyright: ignore[reportAbstractUsage]

__all__ = ["PAIR_CREDIT", "PairFacts", "PairKernel", "PairRule", "pair_kernel"]
