"""Speed as ratios: what ours takes ÷ what a named thing takes, in one run."""
