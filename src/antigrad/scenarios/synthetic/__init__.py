"""Synthetic traffic: scenes without a data set, the same for the same seed."""

from antigrad.scenarios.synthetic.generator import generate, sample

__all__ = ["generate", "sample"]
