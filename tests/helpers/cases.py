"""Groups of responses to test on: the two fixtures with known numbers, and random ones."""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from antigrad.credit import CreditRule, Group, Head, Influence, group_influence
from antigrad.objectives import group_advantages
from helpers.oracles import Response, Truth, truth


@dataclass(frozen=True)
class Case:
    """One group as `group_influence` takes it."""

    hidden: Tensor
    tokens: Tensor
    mask: Tensor
    correct: Tensor
    weight: Tensor
    temperature: float = 1.0

    def influence(self, *, chunk_bytes: int = 2**20, **options: object) -> Influence:
        head = Head(self.weight, self.temperature, chunk_bytes)
        return group_influence(self.hidden, self.tokens, self.mask, self.correct, head, **options)  # type: ignore

    def responses(self) -> list[Response]:
        return [(h[m], y[m]) for h, y, m in zip(self.hidden, self.tokens, self.mask, strict=True)]

    def truth(self, keep: Tensor | None = None) -> Truth:
        return truth(self.responses(), self.correct.tolist(), self.weight, self.temperature, keep)

    def log_probs(self) -> Tensor:
        logits = self.hidden.double() @ self.weight.double().T / self.temperature
        return logits.log_softmax(-1).gather(-1, self.tokens[..., None])[..., 0]

    def to(self, dtype: torch.dtype) -> "Case":
        return replace(self, hidden=self.hidden.to(dtype), weight=self.weight.to(dtype))

    def group(self, influence: Influence | None = None, seed: int = 0, hidden: Tensor | None = None) -> Group:
        advantages = group_advantages(self.correct.to(self.weight.dtype), scale="population")
        return Group(self.tokens, self.mask, self.correct, advantages, influence, seed, hidden)

    def group_for(self, rule: CreditRule, seed: int = 0) -> Group:
        """The group with what the rule needs."""
        influence = self.influence() if rule.needs_influence else None
        return self.group(influence, seed, self.hidden if rule.needs_hidden else None)

    def weigh(self, rule: CreditRule, seed: int = 0) -> Tensor:
        return rule(self.group_for(rule, seed))


def stacked(responses: list[tuple[list[list[float]], list[int]]], correct: list[bool], weight: Tensor) -> Case:
    """Pad float64 responses to one length."""
    longest = max(len(tokens) for _, tokens in responses)
    hidden = torch.zeros(len(responses), longest, weight.shape[1], dtype=torch.float64)
    tokens, mask = torch.zeros(len(responses), longest, dtype=torch.long), torch.zeros(len(responses), longest).bool()
    for row, (states, ids) in enumerate(responses):
        hidden[row, : len(ids)] = torch.tensor(states, dtype=torch.float64)
        tokens[row, : len(ids)], mask[row, : len(ids)] = torch.tensor(ids), True
    return Case(hidden, tokens, mask, torch.tensor(correct), weight)


def exact_case() -> Case:
    """V = 3, d = 2, W = 0: the policy is uniform and every score a small rational."""
    responses = [
        ([[1.0, 0.0], [0.0, 1.0]], [0, 1]),
        ([[1.0, 1.0]], [0]),
        ([[1.0, 0.0], [2.0, 1.0], [0.0, 1.0]], [0, 2, 1]),
    ]
    return stacked(responses, [True, True, False], torch.zeros(3, 2, dtype=torch.float64))


def decimal_case(temperature: float = 1.0) -> Case:
    """V = 6, d = 3: W[v, j] = sin(3v + j + 1) / 2, h[t, j] = cos(3t + j + 1 + r), token (7t + 3r) mod 4."""
    weight = torch.tensor([[math.sin(3 * v + j + 1) / 2 for j in range(3)] for v in range(6)], dtype=torch.float64)
    responses = [
        (
            [[math.cos(3 * t + j + 1 + r) for j in range(3)] for t in range(length)],
            [(7 * t + 3 * r) % 4 for t in range(length)],
        )
        for r, length in ((0, 3), (1, 2), (2, 4), (3, 2))
    ]
    return replace(stacked(responses, [True, True, False, False], weight), temperature=temperature)


def random_case(
    seed: int = 0,
    correct: tuple[bool, ...] = (True, False, True, False, True),
    *,
    vocabulary: int = 53,
    width: int = 7,
    longest: int = 11,
    temperature: float = 1.0,
    scale: float = 0.7,
) -> Case:
    """Rows of different lengths, with holes in the mask and rubbish where masked."""
    draw = torch.Generator().manual_seed(seed)
    shape = (len(correct), longest)
    weight = scale * torch.randn(vocabulary, width, generator=draw, dtype=torch.float64)
    hidden = torch.randn(*shape, width, generator=draw, dtype=torch.float64) + 0.3
    tokens = torch.randint(0, vocabulary, shape, generator=draw)
    lengths = torch.randint(2, longest + 1, shape[:1], generator=draw)
    mask = (torch.arange(longest) < lengths[:, None]) & (torch.rand(shape, generator=draw) < 0.85)
    mask[:, 0] = True
    hidden[~mask] = 1e3
    return Case(hidden, tokens, mask, torch.tensor(correct), weight, temperature)
