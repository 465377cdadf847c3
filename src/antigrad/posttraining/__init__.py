"""Language models: policies, verifiable tasks, and the preflight of group-relative training."""
