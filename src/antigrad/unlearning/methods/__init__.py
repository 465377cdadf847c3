"""Unlearning methods, one file each."""

from antigrad.core.catalog import Catalog
from antigrad.unlearning.methods.method import UnlearningMethod

METHODS: Catalog[UnlearningMethod] = Catalog("antigrad.unlearning.methods", UnlearningMethod)  # pyright: ignore[reportAbstractUsage]
VIT_MUL = ("retrain", "fine_tune", "cf_k", "neg_grad", "advanced_neg_grad", "unsir", "scrub")
"""The list of Choi & Na 2023, whose methods the ViT study compares; all others are extensions of it."""

__all__ = ["METHODS", "VIT_MUL", "UnlearningMethod"]
