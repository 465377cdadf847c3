"""Trainers: the one room that knows TRL. Import from the modules; importing this loads nothing heavy."""
