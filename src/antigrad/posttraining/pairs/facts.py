"""What rules know of pairs, measured under the policy that training starts from."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from antigrad.core.errors import InputValueError
from antigrad.core.progress import progress
from antigrad.credit.pairs import PairFacts
from antigrad.credit.pairs.ches import ches_scores
from antigrad.credit.pairs.kernel import kernel_of, pair_dots
from antigrad.language.policy import Policy
from antigrad.posttraining.pairs.contexts import PviOptions
from antigrad.posttraining.pairs.pair import Pair, Tokens
from antigrad.posttraining.pairs.pvi import cached_pvi, check_answers, pvi_of

HIDDEN = ("ln_ches", "confidence", "kernel")


def pair_facts(
    policy: Policy,
    pairs: Sequence[Pair],
    tokens: Sequence[Tokens],
    needs: Collection[str],
    *,
    options: PviOptions | None = None,
    cache: Path | None = None,
    seed: int = 0,
) -> PairFacts:
    """Measure what a rule needs, and nothing else.

    Args:
        policy: The policy that training starts from.
        pairs: The pairs.
        tokens: Their tokens.
        needs: Names of facts, as a rule's `needs`.
        options: How PVI is measured.
        cache: Folder that keeps PVI; None keeps none.
        seed: Seed of what a rule draws.

    Returns:
        The facts.

    Raises:
        InputValueError: A fact can't be measured and did not come with the pairs.
    """
    facts = PairFacts(len(pairs), seed=seed)
    if "reward_gap" in needs:
        facts = replace(facts, reward_gap=_given(pairs, "reward_gap"))
    if "pvi" in needs:
        if all("pvi" in pair.facts for pair in pairs):
            facts = replace(facts, pvi=_given(pairs, "pvi"))
        else:
            how = options or PviOptions()
            facts = replace(facts, pvi=cached_pvi(policy, pairs, how, cache) if cache else pvi_of(policy, pairs, how))
    wanted = [name for name in HIDDEN if name in needs]
    return _with_states(policy, tokens, facts, wanted) if wanted else facts


def check_given(pairs: Sequence[Pair], needs: Collection[str]) -> None:
    """Refuse pairs that lack what has to come with them, before anything is measured.

    Args:
        pairs: The pairs.
        needs: Names of facts, as a rule's `needs`.

    Raises:
        InputValueError: A row has no `reward_gap`, or neither a gold answer nor a `pvi`.
    """
    if "reward_gap" in needs:
        _given(pairs, "reward_gap")
    if "pvi" in needs and not all("pvi" in pair.facts for pair in pairs):
        check_answers(pairs)


def _given(pairs: Sequence[Pair], name: str) -> Tensor:
    missing = [pair.row for pair in pairs if name not in pair.facts]
    if missing:
        given = f"no {name} in rows {missing[:8]}{'…' if len(missing) > 8 else ''}"
        raise InputValueError(given, f"a column {name} with a number in every row", "add it, or choose another rule")
    return torch.tensor([pair.facts[name] for pair in pairs], dtype=torch.float64)


@torch.no_grad()
def _with_states(policy: Policy, tokens: Sequence[Tokens], facts: PairFacts, wanted: list[str]) -> PairFacts:
    head = policy.head(1.0)
    ches: list[Tensor] = []
    confidence: list[float] = []
    dots: list[tuple[float, float, float]] = []
    with progress("facts of pairs", len(tokens)) as bar:
        for one in tokens:
            sides = [torch.tensor(side, device=policy.device) for side in (one.chosen, one.rejected)]
            prompt = torch.tensor(one.prompt, device=policy.device)
            both = policy.hidden(prompt, pad_sequence(sides, batch_first=True))  # one pass of the prompt
            states = [hidden[: len(side)] for hidden, side in zip(both, sides, strict=True)]
            masks = [torch.ones_like(side[None], dtype=torch.bool) for side in sides]
            if "ln_ches" in wanted:
                ches.append(ches_scores(states[0][None], masks[0], states[1][None], masks[1])[1])
            if "confidence" in wanted:
                logits = policy.model.get_output_embeddings()(states[1]).float()
                label = logits.gather(-1, sides[1][:, None])[:, 0] - logits.logsumexp(-1)
                confidence.append(float(label.double().mean()))
            if "kernel" in wanted:
                dots.append(pair_dots(head, (states[0], sides[0]), (states[1], sides[1])))
            bar.advance()
    return replace(
        facts,
        ln_ches=torch.cat(ches).cpu() if ches else None,
        confidence=torch.tensor(confidence, dtype=torch.float64) if confidence else None,
        kernel=kernel_of(dots) if dots else None,
    )
