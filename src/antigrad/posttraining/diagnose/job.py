"""The preflight: one update per question and rule from the same weights; who moves, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from antigrad.core import AntigradError, RunFolder, progress
from antigrad.core.streams import seeded, stream_seed
from antigrad.credit import CREDIT, CreditRule, Group, Influence, group_influence
from antigrad.language.measure import Measured, measure
from antigrad.language.policy import Policy, load_policy
from antigrad.language.rollouts import Rollouts, check_asked, joined, sample
from antigrad.language.tasks import Question, Task, load_task
from antigrad.language.tasks.asked import check_questions
from antigrad.objectives import Grpo, group_advantages
from antigrad.posttraining.diagnose.page import describe
from antigrad.posttraining.diagnose.rows import check_same, question_row, scores_row, status_of
from antigrad.posttraining.diagnose.settings import DiagnoseConfig
from antigrad.posttraining.diagnose.update import Snapshot, Stepper, accumulate

Key = tuple[int, str, float]
FREE = ("output", "resume", "shown")
"""Settings that do not change the result."""


def diagnose(config: DiagnoseConfig) -> RunFolder:
    r"""Ask questions, and for each take one update under every rule from the same weights.

    $$\Delta(x)=\frac1{N^+}\sum_i\big[\ln\pi_{\theta'}(y_i^+|x)-\ln\pi_\theta(y_i^+|x)\big]$$

    A question whose group has correct and wrong responses is measured: Δ(x) of the correct and of the
    wrong responses, of the greedy answer where it is none of the sampled ones, and the entropy. Rows go to the ledger
    as they come; an interrupted run resumes with `resume=True` to the same figures.

    Args:
        config: See `DiagnoseConfig`.

    Returns:
        The run, with ledger, summary and a page for the report.

    Raises:
        AntigradError: The settings, the model, the tasks or the output folder are not usable.

    Sign: Δ(x) < 0 is Lazy Likelihood Displacement: the update lowered its own correct answers.

    Source: Deng et al. 2025, arXiv 2505.18830, Sec. 5 (one update a question, weights set back).

    Deviations: the paper names neither optimizer nor step size of the update: both are settings, and
        two step sizes are the default. Greedy answer and entropy are ours.

    Example:
        >>> from pathlib import Path
        >>> DiagnoseConfig(model="tiny", tasks="tiny_arithmetic", questions=2, output=Path("runs/x")).rollouts
        8
    """
    config.check()
    task = load_task(
        config.tasks,
        count=config.questions,
        seed=config.seed,
        verifier=config.verifier,
        style=config.style,
        shots=config.shots,
    )
    # A model that can't be read leaves no run behind; a folder that has one is refused before anything is loaded.
    policy = None if (config.output / "run.yaml").exists() else _load(config, task)
    run = RunFolder.start(config.output, job="diagnose", config=config, resume=config.resume, free=FREE)
    if run.summary:
        return run
    with run.refusals():
        _preflight(config, run, task, policy or _load(config, task))
    return run


def _preflight(config: DiagnoseConfig, run: RunFolder, task: Task, policy: Policy) -> None:
    rules = {spec: CREDIT.make(spec) for spec in config.arms}
    stepper = Stepper(policy, config.optimizer)
    work = _Preflight(config, policy, task, Snapshot(policy.model), stepper, rules, run)
    # What failed is tried again: the cause may have been memory, or a model since fixed.
    rows = run.ledger.stream("question", without=("responses", "prompt"))
    asked = {row["question"]: row for row in rows if row["status"] != "failed"}
    check_questions(task, asked)
    done: set[Key] = {(row["question"], row["arm"], row["step_size"]) for row in run.ledger.stream("update")}
    with progress("questions", len(task.questions)) as bar:
        for index in range(len(task.questions)):
            for row in work.question(index, asked.get(index), done):
                run.ledger.append(row)
            bar.advance()
    work.start.restore()
    reasons = {row["question"]: row.get("reason") for row in run.ledger.stream("question", without=("responses",))}
    if all(reason is not None for reason in reasons.values()):
        given = f"all {len(task.questions)} questions failed, the first with: {next(iter(reasons.values()))}"
        raise AntigradError(given, "at least one that can be asked", "fix the cause, then use --resume")
    describe(run, config)


@dataclass(frozen=True)
class _Preflight:
    """What stays the same from question to question."""

    config: DiagnoseConfig
    policy: Policy
    task: Task
    start: Snapshot
    stepper: Stepper
    arms: Mapping[str, CreditRule]
    run: RunFolder

    def question(self, index: int, known: Mapping[str, Any] | None, done: set[Key]) -> Iterator[dict[str, Any]]:
        """Sample, score and update for one question.

        Args:
            index: Place of the question in the task.
            known: Its question row, if an interrupted run wrote it.
            done: Updates that an interrupted run wrote; they are left out.

        Yields:
            Rows for the ledger, in order.

        Raises:
            AntigradError: A question that went well when the run began fails now.
        """
        keys = [(index, arm, size) for arm in self.arms for size in self.config.step_sizes]
        if known is not None and (known["status"] != "mixed" or done.issuperset(keys)):
            return
        question = self.task.questions[index]
        self.start.restore()
        try:
            group, greedy = self._sample(index, question)
            probe = joined(group, greedy)
            before = self._measure(probe)
            mixed = status_of(group.correct) == "mixed"
            influence = self._influence(group, before) if mixed else None
        except AntigradError as error:
            if known is not None:
                raise  # it went well when the run began: what is in the ledger stays
            reason = {"kind": "question", "question": index, "id": question.id, "text": question.question}
            yield reason | {"status": "failed", "reason": str(error)}
            return
        seen = None if influence is None else self._group(index, group, influence, before)
        if known is None:
            row = question_row(index, question, self.policy, group, greedy, before, influence)
            yield row if seen is None else row | scores_row(seen, self.arms)
        else:
            check_same(self._answered(index), group)
        if seen is not None:
            yield from self._updates(index, seen, group, probe, before, done)

    def _answered(self, index: int) -> dict[str, Any]:
        # With its responses: one question at most was begun and not done when a run was interrupted.
        return next(
            row for row in self.run.ledger.stream("question") if row["question"] == index and row["status"] != "failed"
        )

    def _sample(self, index: int, question: Question) -> tuple[Rollouts, Rollouts]:
        common: Any = {"max_new_tokens": self.config.max_new_tokens, "temperature": self.config.temperature}
        with seeded(self.config.seed, "rollouts", index):
            group = sample(self.policy, self.task, question, count=self.config.rollouts, **common)
        return group, sample(self.policy, self.task, question, count=1, greedy=True, **common)

    def _measure(self, rollouts: Rollouts) -> Measured:
        return measure(
            self.policy, rollouts, temperature=self.config.temperature, rows_at_once=self.config.rows_at_once
        )

    def _influence(self, group: Rollouts, before: Measured) -> Influence:
        here = _own(group)
        return group_influence(
            before.hidden[here],
            group.tokens,
            group.mask,
            group.correct,
            self.policy.head(self.config.temperature),
            vocabulary=self.config.vocabulary,
            top_k=self.config.top_k,
            log_probs=before.log_probs[here],
        )

    def _group(self, index: int, group: Rollouts, influence: Influence, before: Measured) -> Group:
        advantages = group_advantages(group.correct.float(), scale=self.config.advantages)
        seed = stream_seed(self.config.seed, "credit", index)
        hidden = before.hidden[_own(group)]
        return Group(group.tokens, group.mask, group.correct, advantages, influence, seed, hidden)

    def _updates(
        self, index: int, seen: Group, group: Rollouts, probe: Rollouts, base: Measured, done: set[Key]
    ) -> Iterator[dict[str, Any]]:
        known = dict[bytes, dict[float, dict[str, Any]]]()
        for arm, rule in self.arms.items():
            sizes = [size for size in self.config.step_sizes if (index, arm, size) not in done]
            if not sizes:
                continue
            weights = rule(seen)
            weakened = seen.wrong_tokens() & (weights.abs() < seen.spread().abs())
            answers = group.answers()
            facts = {
                "kind": "update",
                "question": index,
                "arm": arm,
                "copies": [answers[place] in answers[:place] for place in group.correct.nonzero()[:, 0].tolist()],
                "weakened": int(weakened.sum()),
                "wrong_tokens": int(seen.wrong_tokens().sum()),
            }
            # Rules that weigh a group alike make the same update: a rule that selects nothing is plain GRPO.
            effects = known.setdefault(weights.cpu().numpy().tobytes(), {})
            missing = [size for size in sizes if size not in effects]
            if missing:
                effects |= self._try(group, weights, missing, probe, base)
            for size in sizes:
                yield facts | {"step_size": size} | effects[size]

    def _try(
        self, group: Rollouts, weights: Tensor, sizes: list[float], probe: Rollouts, base: Measured
    ) -> dict[float, dict[str, Any]]:
        """Take one update of each size from the starting weights; they share the gradient there.

        Args:
            group: The responses.
            weights: Their signed token weights.
            sizes: Step sizes.
            probe: The responses and the greedy answer below them.
            base: The probe under the starting weights.

        Returns:
            What each update did.
        """
        self.start.restore()
        common: Any = {"temperature": self.config.temperature, "rows_at_once": self.config.rows_at_once}
        parts = accumulate(self.policy, group, weights, Grpo(), **common)
        effects = dict[float, dict[str, Any]]()
        for size in sizes:
            self.start.restore()
            self.stepper.step(size)
            losses = {name: float(value) for name, value in parts.items()}
            effects[size] = {"parts": losses} | self._effect(group, probe, base)
        return effects

    def _effect(self, group: Rollouts, probe: Rollouts, base: Measured) -> dict[str, Any]:
        """Measure what one update did.

        Args:
            group: The responses it was made from.
            probe: The same and the greedy answer below them.
            base: The probe under the starting weights.

        Returns:
            Changes of log-likelihood in nats and of entropy in nats per token; nulls and the reason when
            the updated model gives no finite numbers.
        """
        try:
            after = self._measure(probe)
        except AntigradError as error:
            names = ("delta_correct", "delta_wrong", "delta_greedy", "entropy_change")
            return {"error": str(error), "deltas_correct": [], "deltas_wrong": [], **dict.fromkeys(names)}
        change = (after.log_probs - base.log_probs).double().sum(-1)
        inside = change[: len(group.tokens)]
        correct, wrong = inside[group.correct], inside[~group.correct]
        mask = probe.mask[: len(group.tokens)]
        entropy = (after.entropy - base.entropy)[: len(group.tokens)][mask].double()
        return {
            "error": None,
            "delta_correct": float(correct.mean()),
            "delta_wrong": float(wrong.mean()),
            "delta_greedy": None if probe.answers()[-1] in group.answers() else float(change[-1]),
            "entropy_change": float(entropy.mean()),
            "deltas_correct": correct.tolist(),
            "deltas_wrong": wrong.tolist(),
        }


def _load(config: DiagnoseConfig, task: Task) -> Policy:
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    policy = load_policy(
        config.model, device=config.device, dtype=config.dtype, trust_remote_code=config.trust_remote_code
    )
    check_asked(policy, task, config.max_new_tokens)
    return policy


def _own(group: Rollouts) -> tuple[slice, slice]:
    """Where the sampled answers stand in what was measured together with the greedy one.

    Args:
        group: The sampled answers.

    Returns:
        Rows and tokens.
    """
    return slice(0, group.tokens.shape[0]), slice(0, group.tokens.shape[1])
