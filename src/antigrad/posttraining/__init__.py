"""Language models: policies, verifiable tasks, the preflight of group-relative training, evaluation of checkpoints."""
