"""What the ledger keeps of one question: its answers, their scores, what each rule would select."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from antigrad.core import InputValueError
from antigrad.credit import CreditRule, Group, Influence
from antigrad.credit.eta import eta_of
from antigrad.credit.nthr import Nthr
from antigrad.language.measure import Measured
from antigrad.language.policy import Policy
from antigrad.language.rollouts import Rollouts
from antigrad.language.tasks import Question


def question_row(
    index: int,
    question: Question,
    policy: Policy,
    group: Rollouts,
    greedy: Rollouts,
    before: Measured,
    influence: Influence | None,
) -> dict[str, Any]:
    """Describe a question and its answers.

    Args:
        index: Place of the question in the task.
        question: The question.
        policy: Turns ids into text.
        group: The sampled answers.
        greedy: The greedy answer.
        before: Both, measured under the starting weights.
        influence: Scores of the group, if it is mixed.

    Returns:
        A row of kind `question`.
    """
    answers = group.answers()
    entropy = before.entropy[: len(group.tokens), : group.tokens.shape[1]][group.mask]
    return {
        "kind": "question",
        "question": index,
        "id": question.id,
        "text": question.question,
        "prompt": policy.tokenizer.decode(group.prompt),
        "answer": question.answer,
        "status": status_of(group.correct),
        "reason": None,
        "correct": int(group.correct.sum()),
        "truncated": int(group.truncated.sum()),
        "entropy": float(entropy.double().mean()),
        "greedy": {
            "text": greedy.texts[0],
            "correct": bool(greedy.correct[0]),
            "in_group": greedy.answers()[0] in answers,
        },
        "responses": [
            {
                "text": group.texts[place],
                "correct": bool(group.correct[place]),
                "truncated": bool(group.truncated[place]),
                "copy": answers[place] in answers[:place],
                "tokens": [policy.tokenizer.decode([token]) for token in answers[place]],
                "log_probs": before.log_probs[place][: len(answers[place])].tolist(),
                "scores": None if influence is None else influence.scores[place][group.mask[place]].tolist(),
            }
            for place in range(len(answers))
        ],
    }


def scores_row(seen: Group, arms: Mapping[str, CreditRule]) -> dict[str, Any]:
    """Describe the scores of a mixed group and what NTHR would select.

    Args:
        seen: The group, with its scores.
        arms: The rules of the run.

    Returns:
        What is added to the question's row: thresholds and selected tokens under both anchors at β = 1,
        τ and η of every NTHR arm, anchors, GWHES and what the vocabulary left out.
    """
    influence = seen.require_influence()
    row: dict[str, Any] = {"success_rate": seen.success_rate}
    for anchor in ("inclusive", "others"):
        rule = Nthr(anchor=anchor)
        row[f"tau_{anchor}"] = rule.threshold(influence)
        row[f"selected_{anchor}"] = int(rule.select(seen).sum())
    thresholds = {
        spec: {"tau": rule.threshold(influence), "eta": eta_of(rule.eta, seen.success_rate)}
        for spec, rule in arms.items()
        if type(rule) is Nthr
    }
    correct: Tensor = ~influence.gwhes.isnan()
    return row | {
        "nthr_arms": thresholds,
        "wrong_tokens": int(seen.wrong_tokens().sum()),
        "gwhes": influence.gwhes[correct].tolist(),
        "anchors_inclusive": influence.anchor_inclusive[correct].tolist(),
        "anchors_others": influence.anchor_others[correct].tolist(),
        "vocabulary_rows": influence.kept,
        "missing_mass": influence.missing_mass,
        "error_bound": float(influence.error_bound.max()),
    }


def check_same(known: Mapping[str, Any], group: Rollouts) -> None:
    """Refuse to add updates of other answers than those a run began with.

    Args:
        known: The question's row in the ledger.
        group: The answers as they were sampled now.

    Raises:
        InputValueError: An answer or a verdict differs.
    """
    then = [(response["text"], response["correct"]) for response in known["responses"]]
    now = list(zip(group.texts, map(bool, group.correct.tolist()), strict=True))
    if then != now:
        raise InputValueError(
            f"question {known['question'] + 1}: other answers than when this run began",
            "the same ones: the same versions, device, threads and gold answers",
            "resume where the run was started, or start over in another --output",
        )


def status_of(correct: Tensor) -> str:
    """Say whether a group has contrast.

    Args:
        correct: (B,) verdicts.

    Returns:
        `mixed`, `all correct` or `all wrong`.
    """
    if bool(correct.all()):
        return "all correct"
    return "mixed" if bool(correct.any()) else "all wrong"
