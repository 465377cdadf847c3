"""What the ledger of an evaluation keeps: a row per checkpoint, and a row for each checkpoint and question."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from sys import intern
from typing import Any

import torch

from antigrad.core.errors import InputValueError
from antigrad.language.policy import Policy
from antigrad.language.rollouts import Rollouts
from antigrad.posttraining.probes.likelihood import Likelihoods
from antigrad.posttraining.probes.stages import mode_of, positive_mass, rarest

Row = Mapping[str, Any]
Ids = tuple[int, ...]


def model_row(name: str, policy: Policy, engine: str) -> dict[str, Any]:
    """Describe a checkpoint, so that another one under the same name can be distinguished from it.

    Args:
        name: As it was given.
        policy: The loaded model.
        engine: What generates.

    Returns:
        A row of kind `model`: number of weights, sum of their squares, digest of the vocabulary.
    """
    weights = list(policy.model.parameters())
    square = sum(float(torch.linalg.vector_norm(weight.detach().float())) ** 2 for weight in weights)
    words = json.dumps(sorted(policy.tokenizer.get_vocab().items())).encode()
    return {
        "kind": "model",
        "model": name,
        "status": "loaded",
        "reason": None,
        "engine": engine,
        "weights": sum(weight.numel() for weight in weights),
        "square": square,
        "vocabulary": hashlib.sha256(words).hexdigest()[:16],
    }


def check_model(known: Row, now: Row) -> None:
    """Refuse to resume with another model than a run began with.

    Args:
        known: Its row in the ledger.
        now: Its row as it is now.

    Raises:
        InputValueError: Weights or vocabulary are others.
    """
    same = known["weights"] == now["weights"] and known["vocabulary"] == now["vocabulary"]
    if not same or abs(known["square"] - now["square"]) > 1e-5 * known["square"]:
        raise InputValueError(
            f"{now['model']!r} has other weights or tokens than when this run began",
            "the same checkpoint",
            "start over in another --output",
        )


def distinct_answers(group: Rollouts) -> dict[Ids, list[int]]:
    """Put responses with the same tokens together.

    Args:
        group: Samples of one question.

    Returns:
        Token ids, in the order they came first, and the places that have them.
    """
    found: dict[Ids, list[int]] = {}
    for place, ids in enumerate(group.answers()):
        found.setdefault(ids, []).append(place)
    return found


def answers_row(group: Rollouts, greedy: Rollouts, measured: Likelihoods) -> dict[str, Any]:
    """Describe what a model answered to one question.

    Args:
        group: Its samples, in the order they were drawn.
        greedy: Its greedy response.
        measured: Likelihood and entropy of the distinct samples, in the order of `distinct_answers`.

    Returns:
        Verdicts, counts and means; entropy is the mean over all sampled tokens, nats.
    """
    clusters = group.answers()
    distinct = distinct_answers(group)
    log_prob = dict(zip(distinct, measured.log_probs, strict=True))
    correct = [bool(verdict) for verdict in group.correct.tolist()]
    tokens = sum(map(len, clusters))
    entropy = sum(
        len(places) * value for places, value in zip(distinct.values(), measured.entropies, strict=True)
    ) / max(1, tokens)
    mode = mode_of(clusters, [log_prob[ids] for ids in clusters])
    rare, whole = positive_mass([float(verdict) for verdict in correct], clusters, mode)
    good = [log_prob[ids] for ids, verdict in zip(clusters, correct, strict=True) if verdict]
    return {
        "status": "done",
        "reason": None,
        "prompt_tokens": len(group.prompt),
        "verdicts": correct,
        "tokens": tokens,
        "truncated": int(group.truncated.sum()),
        "entropy": entropy,
        "distinct": len(distinct),
        "distinct_correct": sum(correct[places[0]] for places in distinct.values()),
        "log_prob_correct": sum(good) / len(good) if good else None,
        "positive_mass": whole,
        "positive_mass_rare": rare,
        "greedy": {"text": greedy.texts[0], "correct": bool(greedy.correct[0]), "truncated": bool(greedy.truncated[0])},
        "responses": [
            {
                "text": group.texts[places[0]],
                "count": len(places),
                "correct": correct[places[0]],
                "truncated": bool(group.truncated[places[0]]),
                "tokens": len(ids),
                "log_prob": log_prob[ids],
            }
            for ids, places in distinct.items()
        ],
    }


def probe_set(group: Rollouts, measured: Likelihoods, limit: int) -> list[list[int]]:
    """Choose the correct responses of the base model that are followed through the checkpoints.

    Args:
        group: Samples of the base model.
        measured: Likelihood of the distinct ones, in the order of `distinct_answers`.
        limit: Rare ones at most, see `rarest`.

    Returns:
        Token ids: the likeliest correct response, then the rare ones from the rarest on; empty if none was correct.
    """
    log_prob = dict(zip(distinct_answers(group), measured.log_probs, strict=True))
    good: Sequence[Ids] = [ids for ids, places in distinct_answers(group).items() if bool(group.correct[places[0]])]
    if not good:
        return []
    common = max(good, key=lambda ids: log_prob[ids])
    return [list(common), *(list(good[place]) for place in rarest([log_prob[ids] for ids in good], limit))]


_FACTS = (
    "kind", "model", "question", "text", "answer", "status", "reason", "tokens", "truncated", "entropy", "distinct",
    "distinct_correct", "log_prob_correct", "positive_mass", "positive_mass_rare", "probe_log_probs",
)  # fmt: skip


def facts_of(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Keep of each row what the page says, without the responses: they are most of a ledger.

    Args:
        rows: Of the ledger, a stream too.

    Returns:
        One a row; verdicts as bytes, one each.
    """
    found: list[dict[str, Any]] = []
    for row in rows:
        if row["kind"] == "pair":
            continue  # `mass` reads those
        kept = {key: row[key] for key in _FACTS if key in row}
        if "text" in kept:
            kept["text"] = str(kept["text"])[:200]
        if row.get("status") == "done" and row["kind"] == "answers":
            kept |= {"verdicts": bytes(row["verdicts"]), "greedy": bool(row["greedy"]["correct"])}
        # Models and questions come again and again: their texts are kept once.
        found.append({key: intern(value) if type(value) is str else value for key, value in kept.items()})
    return found
