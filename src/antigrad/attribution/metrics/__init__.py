"""Judgement of maps: what they localise, how much of it is sharpening, and what needs no model at all."""
