"""Certificates of any optimizer's steps, as they are made."""

from antigrad.geometry.watch.watch import Watch

__all__ = ["Watch"]
