"""Language models as objects: policies, adapters, tasks with verifiers, rollouts."""
