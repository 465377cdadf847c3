"""Trainers: the only rooms that know TRL."""

from antigrad.posttraining.train.tested import check_trl

check_trl()
