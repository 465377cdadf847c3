"""Named studies: NAME.yaml says what is asked and with which numbers, NAME.py computes it."""
