"""One pair under one model: log-probabilities of everything watched, and the gradients of both responses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.language.policy import Policy


@dataclass(frozen=True)
class Watched:
    """Responses to one prompt, padded.

    Args:
        names: What each row is.
        prompt: (P,) token ids.
        tokens: (R, T) token ids.
        mask: (R, T) True where a token counts.
    """

    names: tuple[str, ...]
    prompt: Tensor
    tokens: Tensor
    mask: Tensor

    def of(self, name: str) -> tuple[int, int]:
        """Place and length of a response.

        Args:
            name: Which one.

        Returns:
            Row and number of tokens.
        """
        row = self.names.index(name)
        return row, int(self.mask[row].sum())

    def only(self, *names: str) -> Watched:
        """Keep some of the responses.

        Args:
            names: Which.

        Returns:
            These, padded to the longest of them.
        """
        rows = [self.names.index(name) for name in names]
        width = int(self.mask[rows].sum(-1).max())
        return Watched(names, self.prompt, self.tokens[rows, :width], self.mask[rows, :width])


def watched(policy: Policy, prompt: Sequence[int], responses: Mapping[str, Sequence[int]]) -> Watched:
    """Put responses below one another.

    Args:
        policy: Says where they go.
        prompt: Token ids.
        responses: Name and token ids of each, at least one token.

    Returns:
        The responses.
    """
    width = max(map(len, responses.values()))
    rows = torch.tensor([[*ids, *[0] * (width - len(ids))] for ids in responses.values()], device=policy.device)
    lengths = torch.tensor([[len(ids)] for ids in responses.values()], device=policy.device)
    mask = torch.arange(width, device=policy.device) < lengths
    return Watched(tuple(responses), torch.tensor(list(prompt), device=policy.device), rows, mask)


@torch.no_grad()
def measure(policy: Policy, here: Watched) -> tuple[dict[str, float], Tensor, Tensor]:
    """Measure responses.

    Args:
        policy: The policy as it is.
        here: The responses.

    Returns:
        Log-probability of each in nats; (T, V) log-probabilities of all tokens along the rejected response; and
        (R, T, d) states.

    Raises:
        InputValueError: A log-probability is NaN or infinite.
    """
    hidden = policy.hidden(here.prompt, here.tokens)
    head = policy.model.get_output_embeddings()
    sums: dict[str, float] = {}
    along = hidden
    for row, name in enumerate(here.names):  # one at a time: (R, T, V) would be large
        length = int(here.mask[row].sum())
        everything = torch.log_softmax(head(hidden[row, :length]).float(), -1)
        sums[name] = float(everything.gather(-1, here.tokens[row, :length, None]).double().sum())
        if name == "rejected":
            along = everything
    if not all(map(torch.isfinite, map(torch.tensor, sums.values()))):
        raise InputValueError("NaN or infinite log-probabilities", "finite ones", "smaller step size, or check weights")
    return sums, along, hidden


def gradients(policy: Policy, here: Watched) -> tuple[list[Tensor], list[Tensor]]:
    """Take the gradients of both responses' log-probabilities.

    Args:
        policy: The policy at the starting weights.
        here: Responses, `chosen` and `rejected` among them.

    Returns:
        Of the chosen and of the rejected one, a tensor a weight.
    """
    found: list[list[Tensor]] = []
    parameters = [one for one in policy.model.parameters() if one.requires_grad]
    for name in ("chosen", "rejected"):
        row, length = here.of(name)
        hidden = policy.hidden(here.prompt, here.tokens[row : row + 1, :length])
        logits = policy.model.get_output_embeddings()(hidden).float()
        label = torch.log_softmax(logits, -1).gather(-1, here.tokens[row : row + 1, :length, None])
        found.append(list(torch.autograd.grad(label.sum(), parameters, allow_unused=True, materialize_grads=True)))
    return found[0], found[1]


def dot(one: Sequence[Tensor], other: Sequence[Tensor]) -> float:
    """Inner product of two gradients.

    Args:
        one: A tensor a weight.
        other: Likewise.

    Returns:
        The sum of products.
    """
    return sum(float((a.flatten() @ b.flatten()).double()) for a, b in zip(one, other, strict=True))
