"""Antigrad: what negative gradients do to a model; see it, steer it, certify each step."""

__version__ = "0.1.0"
