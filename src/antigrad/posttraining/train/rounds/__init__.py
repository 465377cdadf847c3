"""Rounds of on-policy sampling: the policy answers questions anew, and training goes on with these answers."""
