"""Probe responses in the course of a training: which likelihoods move, where the mass goes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback

from antigrad.core.files import write_atomic
from antigrad.language.policy import Policy
from antigrad.posttraining.pairs.pair import Pair, Tokens, tokenize, words_of
from antigrad.posttraining.pairs.source import greedy, tokens_of
from antigrad.posttraining.probes.squeezing import paths, probe_responses
from antigrad.posttraining.train.callback import restore_tokens

Measured = list[dict[str, float]]


def probe_tokens(
    policy: Policy, pairs: Sequence[Pair], trained: Pair | None, *, max_new_tokens: int, seed: int
) -> list[dict[str, Tokens]]:
    """Make the probe responses of some pairs.

    Args:
        policy: The policy as it starts; its greedy answers are among the probes.
        pairs: The pairs.
        trained: A training pair whose chosen response serves as an unrelated one; another probed pair's does too.
        max_new_tokens: Longest greedy answer.
        seed: Seed of what is drawn.

    Returns:
        Name and tokens of each probe, pair by pair.
    """
    tokenizer = policy.tokenizer
    special = set(tokenizer.all_special_ids)
    words = [tokenizer.decode([token]) for token in range(min(len(tokenizer), 2000)) if token not in special]
    found: list[dict[str, Tokens]] = []
    for pair in pairs:
        other = next((one for one in pairs if one.prompt != pair.prompt), None)
        texts = probe_responses(
            pair.words("prompt"),
            words_of(pair.chosen),
            words_of(pair.rejected),
            initial=greedy(policy, tokenize(pair, tokenizer), max_new_tokens),
            chosen_paraphrase=pair.paraphrase or None,
            other_train=words_of(trained.chosen) if trained else None,
            other_test=words_of(other.chosen) if other else None,
            vocabulary=words,
            seed=seed,
        )
        found.append({name: tokens_of(pair, text, tokenizer) for name, text in texts.items()})
    return found


def measure(policy: Policy, probes: Sequence[dict[str, Tokens]]) -> Measured:
    """Measure the probe responses under the policy as it is.

    Args:
        policy: The policy.
        probes: What `probe_tokens` gave.

    Returns:
        Pair by pair: log-probability of each response, and on the chosen one the argmax path and the mass outside it.
    """
    found: Measured = []
    for responses in probes:
        row: dict[str, float] = {}
        for name, tokens in responses.items():
            prompt = torch.tensor(tokens.prompt, device=policy.device)
            path = paths(policy, prompt, [tokens.chosen])[0]
            row[name] = path.log_prob
            if name == "chosen":
                row |= {"argmax_path": path.argmax_path, "outside": path.outside}
        found.append(row)
    return found


class ProbeCallback(TrainerCallback):
    """Measures probe responses every few steps, as changes since the start of the training.

    Args:
        trainer: The trainer.
        policy: What it trains, before any wrapping.
        probes: What `probe_tokens` gave.
        every: Steps between measurements.
        start: File that keeps the measures of the start, for a resume.
    """

    def __init__(
        self, trainer: Any, policy: Policy, probes: Sequence[dict[str, Tokens]], every: int, start: Path
    ) -> None:
        self._trainer, self._policy, self._probes = trainer, policy, probes
        self._every, self._path = every, start
        self._start: Measured = []

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Measure the start, or read it back.

        Args:
            args: Not used.
            state: Step, and whether this is the first process.
            control: Not used.
            **kwargs: Not used.
        """
        if state.global_step and self._path.exists():
            self._start = json.loads(self._path.read_text())
        else:
            self._start = self._measured()
            if state.is_world_process_zero:
                write_atomic(self._path, json.dumps(self._start))
        restore_tokens(self._trainer, state)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Measure the step, if it is one that is measured.

        Args:
            args: Not used.
            state: The step.
            control: Not used.
            **kwargs: Not used.
        """
        if not self._every or state.global_step % self._every:
            return
        metrics = self._trainer._metrics["train"]
        now = self._measured()
        for name in self._names():
            changes = [
                after[name] - before[name] for after, before in zip(now, self._start, strict=True) if name in after
            ]
            metrics[f"probe/{name}"].append(sum(changes) / len(changes))
        fell = [after["chosen"] < before["chosen"] for after, before in zip(now, self._start, strict=True)]
        metrics["probe/displaced"].append(sum(fell) / len(fell))

    def _names(self) -> list[str]:
        return list(dict.fromkeys(name for row in self._start for name in row))

    def _measured(self) -> Measured:
        model: Any = self._policy.model
        training = model.training
        model.eval()
        try:
            return measure(self._policy, self._probes)
        finally:
            model.train(training)
