"""The tiny policy: a million parameters that do step-by-step arithmetic, right about half of the time."""

from pathlib import Path

WEIGHTS = Path(__file__).parent / "weights"
"""Folder of the shipped policy; `AutoModelForCausalLM` and `AutoTokenizer` load it."""
