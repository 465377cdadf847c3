"""Antigrad: what negative gradients do to a model; see it, steer it, certify each step.

Public names are loaded when they are first used: importing this package loads nothing heavy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_PUBLIC = {
    "AntigradError": "antigrad.core.errors",
    "CREDIT": "antigrad.credit",
    "CreditRule": "antigrad.credit",
    "DiagnoseConfig": "antigrad.posttraining.settings",
    "Group": "antigrad.credit",
    "Grpo": "antigrad.objectives",
    "Head": "antigrad.credit",
    "Influence": "antigrad.credit",
    "Ledger": "antigrad.core.ledger",
    "Parts": "antigrad.core.parts",
    "RunFolder": "antigrad.core.runs",
    "diagnose": "antigrad.posttraining.diagnose",
    "group_advantages": "antigrad.objectives",
    "group_influence": "antigrad.credit",
    "load_policy": "antigrad.posttraining.models",
    "load_task": "antigrad.posttraining.tasks",
    "SafeWeight": "antigrad.geometry",
    "Watch": "antigrad.geometry",
    "write_report": "antigrad.report",
}

if TYPE_CHECKING:
    from antigrad.core.errors import AntigradError
    from antigrad.core.ledger import Ledger
    from antigrad.core.parts import Parts
    from antigrad.core.runs import RunFolder
    from antigrad.credit import CREDIT, CreditRule, Group, Head, Influence, group_influence
    from antigrad.geometry import SafeWeight, Watch
    from antigrad.objectives import Grpo, group_advantages
    from antigrad.posttraining.diagnose import diagnose
    from antigrad.posttraining.models import load_policy
    from antigrad.posttraining.settings import DiagnoseConfig
    from antigrad.posttraining.tasks import load_task
    from antigrad.report import write_report

__all__ = [
    "CREDIT",
    "AntigradError",
    "CreditRule",
    "DiagnoseConfig",
    "Group",
    "Grpo",
    "Head",
    "Influence",
    "Ledger",
    "Parts",
    "RunFolder",
    "SafeWeight",
    "Watch",
    "diagnose",
    "group_advantages",
    "group_influence",
    "load_policy",
    "load_task",
    "write_report",
]


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used.

    Args:
        name: The name.

    Returns:
        What it names.

    Raises:
        AttributeError: There is no such public name.
    """
    if name not in _PUBLIC:
        raise AttributeError(f"module 'antigrad' has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC])
