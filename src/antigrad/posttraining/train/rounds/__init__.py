"""Rounds of on-policy sampling: the policy answers the questions again, and training continues with these answers."""
