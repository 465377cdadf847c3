"""Objectives of the laboratory, one a file."""
