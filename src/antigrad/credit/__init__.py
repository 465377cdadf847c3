"""Rules for the weight of the down part, one per file, and the influence kernel some of them use."""

from antigrad.core.catalog import Catalog
from antigrad.credit.head import Head
from antigrad.credit.influence import Influence, group_influence
from antigrad.credit.rule import CreditRule, Group

_OTHERS = {"antigrad.credit.pairs": "preference pairs: antigrad train dpo, antigrad diagnose pairs"}
CREDIT: Catalog[CreditRule] = Catalog("antigrad.credit", CreditRule, _OTHERS)  # pyright: ignore[reportAbstractUsage]

__all__ = ["CREDIT", "CreditRule", "Group", "Head", "Influence", "group_influence"]
