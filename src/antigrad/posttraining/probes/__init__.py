"""Probes of language models: pass@k over questions, likelihoods of responses, stage measures against a base model."""
