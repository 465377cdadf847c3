"""On-policy rounds of DPO: the policy's own fresh answers, paired by the verifier; the reference stays."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from antigrad.core.errors import InputValueError
from antigrad.core.streams import stream_seed
from antigrad.credit.pairs import PAIR_CREDIT
from antigrad.language.policy import Policy
from antigrad.posttraining.pairs.generate import Answers, pairs_of, prompt_text
from antigrad.posttraining.pairs.read import read_pairs
from antigrad.posttraining.pairs.source import row_of, task_of
from antigrad.posttraining.train.dpo.data import Prepared, measured
from antigrad.posttraining.train.dpo.settings import TrainDPOConfig
from antigrad.posttraining.train.rounds.callback import Make, RoundCallback
from antigrad.posttraining.train.rounds.questions import Questions
from antigrad.posttraining.train.rounds.round import Kept, Round, figures_of


def on_policy(config: TrainDPOConfig, trainer: Any, policy: Policy, prepared: Prepared) -> RoundCallback:
    """Make the rounds of a training on pairs.

    Args:
        config: The settings.
        trainer: The trainer.
        policy: What it trains, below any wrapping.
        prepared: The pairs of the first round.

    Returns:
        What draws the others. Facts of pairs are measured under the policy as each round begins.

    Source: Tajwar et al. 2024, arXiv 2404.14367: on-policy DPO is the same loss on fresh samples, with the reference
        unchanged.
    """
    questions = _questions(config, prepared)
    kept = Kept(config.output / "artifacts" / "rounds")
    counts = {one.place: one for one in prepared.counts}
    figures = figures_of(*([counts[place] for place in places] for places in (questions.train, questions.test)))
    first = Round(prepared.train, figures | {"pairs": len(prepared.train)})
    made = {"every": config.refresh, "rows": config.pairs_a_step}
    return RoundCallback(trainer, policy, questions, _pairs(config, questions), kept, first, **made)


def _questions(config: TrainDPOConfig, prepared: Prepared) -> Questions:
    task = task_of(config)
    held_out = {_key(row["prompt"]) for row in prepared.held_out}
    sides: dict[bool, list[int]] = {True: [], False: []}
    for place, question in enumerate(task.questions):
        sides[_key(prompt_text(task, question)) in held_out].append(place)
    return Questions(
        task,
        tuple(sides[False]),
        tuple(sides[True]),
        config.samples,
        config.sampling_temperature,
        config.max_new_tokens,
        config.seed,
    )


def _pairs(config: TrainDPOConfig, questions: Questions) -> Make:
    rule = PAIR_CREDIT.make(config.credit)

    def make(policy: Policy, answers: Sequence[Answers], number: int) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        seed = stream_seed(config.seed, "round", number)
        pairs = pairs_of(questions.task, answers, config.pairs_a_question, seed=seed)
        try:
            found = read_pairs(map(row_of, pairs), policy.tokenizer, max_length=config.max_length)
        except InputValueError:  # none was made, or each is too long
            return [], {"pairs": 0}
        rows = measured(config, policy, rule, found.pairs, found.tokens, seed=seed)
        return rows, {"pairs": len(rows), "excluded": len(found.excluded)}

    return make


def _key(prompt: Any) -> str:
    return json.dumps(prompt, sort_keys=True, default=str)
