"""Antigrad: what negative gradients do to a model; see it, steer it, certify each step.

Public names are loaded when they are first used: importing this package loads nothing heavy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

__version__ = "0.1.0"

if TYPE_CHECKING:
    from antigrad.core.errors import AntigradError
    from antigrad.core.ledger import Ledger
    from antigrad.core.parts import Parts
    from antigrad.core.runs import RunFolder
    from antigrad.credit import CREDIT, CreditRule, Group, Head, Influence, group_influence
    from antigrad.geometry import SafeWeight, Watch
    from antigrad.language.policy import load_policy
    from antigrad.language.tasks import load_task
    from antigrad.objectives import Grpo, group_advantages
    from antigrad.posttraining.diagnose.job import diagnose
    from antigrad.posttraining.diagnose.settings import DiagnoseConfig
    from antigrad.posttraining.train.grpo.options import CreditOptions
    from antigrad.posttraining.train.grpo.trainer import GRPOTrainer
    from antigrad.report import write_report

__all__ = [
    "CREDIT",
    "AntigradError",
    "CreditOptions",
    "CreditRule",
    "DiagnoseConfig",
    "GRPOTrainer",
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

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "core.errors": ["AntigradError"],
        "core.ledger": ["Ledger"],
        "core.parts": ["Parts"],
        "core.runs": ["RunFolder"],
        "credit": ["CREDIT", "CreditRule", "Group", "Head", "Influence", "group_influence"],
        "geometry": ["SafeWeight", "Watch"],
        "language.policy": ["load_policy"],
        "language.tasks": ["load_task"],
        "objectives": ["Grpo", "group_advantages"],
        "posttraining.diagnose.job": ["diagnose"],
        "posttraining.diagnose.settings": ["DiagnoseConfig"],
        "posttraining.train.grpo.options": ["CreditOptions"],
        "posttraining.train.grpo.trainer": ["GRPOTrainer"],
        "report": ["write_report"],
    },
)
