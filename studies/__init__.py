"""Studies of papers' claims, a folder each: `study.py` is run, `page.py` tells it, `results/` keeps its figures."""
