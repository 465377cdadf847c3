"""The probe responses of pairs: made once, under the policy as it starts, and measured under it as it goes on."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from antigrad.language.policy import Policy
from antigrad.posttraining.pairs.pair import Pair, Tokens, tokenize, words_of
from antigrad.posttraining.pairs.source import greedy, tokens_of
from antigrad.posttraining.probes.squeezing import paths, probe_responses

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
