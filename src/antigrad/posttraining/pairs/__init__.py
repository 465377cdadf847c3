"""Preference pairs: read from what people post, made from a model's own answers, measured before training."""
