"""Trainers: the only rooms that know TRL."""
