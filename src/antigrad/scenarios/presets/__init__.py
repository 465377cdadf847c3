"""Presets of the attack, as YAML."""
