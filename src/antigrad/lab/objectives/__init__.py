"""Objectives of the laboratory, one per file."""
