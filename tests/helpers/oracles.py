"""The definitions, as double sums over token pairs in float64: slow, and without a line of the library's."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import one_hot

Response = tuple[Tensor, Tensor]


def errors(response: Response, weight: Tensor, temperature: float = 1.0) -> Tensor:
    """e = onehot(y) - softmax(W h / t), one row per token."""
    hidden, tokens = response
    logits = hidden.double() @ weight.double().T / temperature
    return one_hot(tokens, len(weight)).double() - logits.softmax(-1)


def pairs(a: Response, b: Response, weight: Tensor, temperature: float = 1.0, keep: Tensor | None = None) -> Tensor:
    """<e, e'> <h, h'> for every token of `a` (rows) and of `b` (columns); `keep` restricts the first product."""
    kept = torch.arange(len(weight)) if keep is None else keep
    alpha = errors(a, weight, temperature)[:, kept] @ errors(b, weight, temperature)[:, kept].T
    return alpha * (a[0].double() @ b[0].double().T)


def head_gradient(response: Response, weight: Tensor, temperature: float = 1.0) -> Tensor:
    """G = sum of e h^T, (V, d)."""
    return torch.einsum("kv,kd->vd", errors(response, weight, temperature), response[0].double())


@dataclass(frozen=True)
class Truth:
    """What `group_influence` should say, per row; rows that do not apply are None."""

    scores: list[Tensor]
    inclusive: list[float | None]
    others: list[float | None]
    gwhes: list[float | None]


def truth(
    responses: list[Response],
    correct: list[bool],
    weight: Tensor,
    temperature: float = 1.0,
    keep: Tensor | None = None,
    success_rate: float | None = None,
) -> Truth:
    """Score every response against the correct ones by double sums."""

    def pull(source: Response, target: Response) -> Tensor:
        return pairs(source, target, weight, temperature, keep).sum(0)

    good = [row for row, right in enumerate(correct) if right]
    bad = [row for row, right in enumerate(correct) if not right]
    p = len(good) / len(correct) if success_rate is None else success_rate
    up, down = (1 - p) / math.sqrt(p * (1 - p)), p / math.sqrt(p * (1 - p))
    scores = [sum((pull(responses[i], target) for i in good), torch.zeros(())) for target in responses]

    def per_correct(row: int) -> tuple[float | None, float | None, float | None]:
        if row not in good:
            return None, None, None
        here, length = responses[row], len(responses[row][1])
        inclusive = sum(float(pull(responses[i], here).sum()) for i in good) / length
        others = sum(float(pull(responses[i], here).sum()) for i in good if i != row) / length
        pulled = down * sum(float(pull(here, responses[j]).sum()) for j in bad)
        return inclusive, others, pulled - up * sum(float(pull(here, responses[i]).sum()) for i in good)

    columns = [per_correct(row) for row in range(len(correct))]
    return Truth(scores, [c[0] for c in columns], [c[1] for c in columns], [c[2] for c in columns])
