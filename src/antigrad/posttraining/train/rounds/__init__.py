"""Rounds of on-policy sampling: the policy answers questions anew, and training continues with these answers."""
