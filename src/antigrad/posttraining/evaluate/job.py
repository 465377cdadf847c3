"""`antigrad evaluate`: pass@k, diversity and stages of several checkpoints, against the model they came from."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import torch

from antigrad.core.errors import AntigradError, InputValueError, raise_all
from antigrad.core.progress import Task as Bar
from antigrad.core.progress import progress
from antigrad.core.runs import RunFolder
from antigrad.core.streams import stream_seed
from antigrad.language import vllm
from antigrad.language.adapters import adapter_of
from antigrad.language.draws import uniforms
from antigrad.language.policy import Policy, load_any
from antigrad.language.reads import check_causal
from antigrad.language.rollouts import Rollouts, check_asked, end_tokens, joined, judged, prompt_of, sample
from antigrad.language.tasks import Task
from antigrad.language.tasks.asked import check_questions
from antigrad.posttraining.evaluate.page import describe
from antigrad.posttraining.evaluate.pairs import PairProbes
from antigrad.posttraining.evaluate.rows import (
    answers_row,
    check_model,
    distinct_answers,
    facts_of,
    model_row,
    probe_set,
)
from antigrad.posttraining.evaluate.settings import FREE, EvaluateConfig
from antigrad.posttraining.probes.likelihood import Likelihoods, likelihoods

Row = Mapping[str, Any]


def evaluate(config: EvaluateConfig) -> RunFolder:
    r"""Sample every question n times from every checkpoint, judge, measure, and compare with the base model.

    $$\widehat{\mathrm{pass@}k}=1-\binom{n-c}k\Big/\binom nk$$

    One checkpoint is in memory at a time. Of each question and checkpoint one row goes to the ledger; an
    interrupted run resumes with `resume=True` to the same figures. Every checkpoint draws by the same numbers,
    so two that are equal answer alike, and what differs between them differs by their weights.

    Args:
        config: See `EvaluateConfig`.

    Returns:
        The run: rows of kind `model` and `answers`, summary and page. A checkpoint that can't be loaded, or a
        question that can't be asked, is a row with its reason; the others continue.

    Raises:
        AntigradError: The settings, the tasks, the base model, all checkpoints, or the output folder are not usable.

    Sign: gains and changes of log-likelihood above 0 are the checkpoint's over the base.

    Source: pass@k: Chen et al. 2021, arXiv 2107.03374; solvable only by one: Yue et al. 2025, arXiv 2504.13837;
        stage measures after Yao et al. 2025, arXiv 2510.04028, defined in `probes.stages`.

    Deviations: intervals over questions by bootstrap are ours.

    Example:
        >>> EvaluateConfig(model=["tiny"], tasks="tiny_arithmetic", samples=8).ks
        [1, 2, 4, 8]
    """
    task = config.read()
    models = _Models(config, task)
    if not (config.output / "run.yaml").exists():
        models.first()  # If no checkpoint can be read, no run is left behind.
    run = RunFolder.start(config.output, job="evaluate", config=config, resume=config.resume, free=FREE)
    if run.summary:
        return run
    with run.refusals():
        _evaluate(config, run, task, models)
    return run


def _evaluate(config: EvaluateConfig, run: RunFolder, task: Task, models: _Models) -> None:
    work = _Evaluation(config, task, run, models)
    for name in config.checkpoints:
        check_questions(task, work.done(name))
    total = len(config.checkpoints) * len(task.questions)
    with progress("questions", total, done=sum(len(work.done(name)) for name in config.checkpoints)) as bar:
        for name in config.checkpoints:
            work.checkpoint(name, bar)
            work.probe(name)
    rows = facts_of(run.ledger.stream())
    if not any(row["status"] == "done" and row["model"] in config.model for row in rows):
        alone = any(row["status"] == "done" for row in rows)  # the base beside them did well
        failed = [row for row in rows if row["status"] == "failed" and (row["model"] in config.model or not alone)]
        given = f"every checkpoint failed, the first with: {failed[0]['reason']}"
        raise AntigradError(given, "at least one question that can be asked", "fix the cause, then use --resume")
    describe(run, config)


@dataclass
class _Models:
    """Loads checkpoints and keeps the last one."""

    config: EvaluateConfig
    task: Task
    held: dict[str, Policy] = field(default_factory=dict[str, Policy])

    def first(self) -> None:
        """Load the first model that can be loaded, then the base, which has to be.

        Raises:
            AntigradError: The base can't be loaded, or no model can.
        """
        problems: list[AntigradError] = []
        for name in self.config.model:
            try:
                self.load(name)
                break
            except AntigradError as error:
                problems.append(error)
        else:
            if len(problems) == 1:
                raise problems[0]
            raise_all("the checkpoints of evaluate", [str(error) for error in problems])
        if self.config.base is not None:
            self.load(self.config.base)

    def load(self, name: str) -> Policy:
        """Load a checkpoint, unless it is the one held.

        Args:
            name: As it was given.

        Returns:
            The model, checked to give finite logits, whose tokenizer takes the task's prompts.
        """
        if name not in self.held:
            self.held.clear()
            if self.config.threads is not None:
                torch.set_num_threads(self.config.threads)
            policy = load_any(
                name,
                base=self.config.base,
                device=self.config.device,
                dtype=self.config.dtype,
                trust_remote_code=self.config.trust_remote_code,
            )
            check_asked(policy, self.task, self.config.max_new_tokens)
            check_causal(policy.model, name)
            self.held[name] = policy
        return self.held[name]


@dataclass(frozen=True)
class _Evaluation:
    """What stays the same from checkpoint to checkpoint."""

    config: EvaluateConfig
    task: Task
    run: RunFolder
    models: _Models

    def done(self, name: str) -> dict[int, Row]:
        """Find the questions that a checkpoint has answered.

        Args:
            name: As it was given.

        Returns:
            Place of a question, and its row.
        """
        return {row["question"]: row for row in self._answered(name, without=("responses",))}

    def _answered(self, name: str, *, without: Collection[str] = ()) -> Iterator[Row]:
        rows = self.run.ledger.stream("answers", without=without)
        return (row for row in rows if row["model"] == name and row["status"] == "done")

    def checkpoint(self, name: str, bar: Bar) -> None:
        """Evaluate one checkpoint on the questions that it has not answered yet.

        Args:
            name: As it was given.
            bar: Counts questions.

        Raises:
            AntigradError: The base can't be loaded, or a checkpoint is another one than when the run began.
        """
        known = self.done(name)
        missing = [index for index in range(len(self.task.questions)) if index not in known]
        if not missing:
            return
        fast = vllm.chosen(self.config.engine, self.config.device, adapter=adapter_of(name) is not None)
        try:
            policy = self.models.load(name)
        except AntigradError as error:
            if name == self.config.base:
                raise
            self._failed(name, error, len(missing), bar)
            return
        self._append_model(model_row(name, policy, "vllm" if fast else "transformers"))
        try:
            drafts = self._drafts(name, policy, missing) if fast else {}
        except AntigradError as error:
            self._failed(name, error, len(missing), bar)
            return
        base = {} if self.config.base in (None, name) else self.done(str(self.config.base))
        same = self._same_tokens(name)
        for index in missing:
            row = self._question(policy, index, drafts.get(index), base.get(index) if same else None)
            question = self.task.questions[index]
            head = {"kind": "answers", "model": name, "question": index, "id": question.id}
            self.run.ledger.append(head | {"text": question.question, "answer": question.answer} | row)
            bar.advance()

    def probe(self, name: str) -> None:
        """Measure one checkpoint on pairs of the base's answers, as far as it has not been.

        Args:
            name: As it was given.
        """
        limit, base_name = self.config.pair_probes, str(self.config.base)
        if not limit or not self.done(name) or not self.done(base_name) or not self._same_tokens(name):
            return
        rows = self.run.ledger.rows("pair")
        base = {row["question"]: row for row in rows if row["model"] == base_name}
        seen = {row["question"] for row in rows if row["model"] == name}
        probes = PairProbes(self.task, self.config.max_new_tokens, self.config.seed)
        if name == base_name:
            pairs = probes.pairs(self._answered(base_name), limit)
            if len(seen) < len(pairs):
                for row in probes.base_rows(self.models.load(name), pairs):
                    if row["question"] not in seen:
                        self.run.ledger.append({"model": name} | row)
            return
        for question, theirs in base.items():
            if question not in seen:
                self.run.ledger.append({"model": name} | probes.row(self.models.load(name), theirs, theirs))

    def _failed(self, name: str, error: AntigradError, questions: int, bar: Bar) -> None:
        self._append_model({"kind": "model", "model": name, "status": "failed", "reason": str(error)})
        for _ in range(questions):
            bar.advance()

    def _append_model(self, row: dict[str, Any]) -> None:
        known = [old for old in self.run.ledger.rows("model") if old["model"] == row["model"]]
        loaded = [old for old in known if old["status"] == "loaded"]
        if row["status"] == "loaded" and loaded:
            check_model(loaded[0], row)
        if not known or known[-1] != row:
            self.run.ledger.append(row)

    def _same_tokens(self, name: str) -> bool:
        words = {row["model"]: row["vocabulary"] for row in self.run.ledger.rows("model") if row["status"] == "loaded"}
        return words.get(str(self.config.base)) == words[name]

    def _question(self, policy: Policy, index: int, draft: vllm.Drafts | None, base: Row | None) -> dict[str, Any]:
        """Ask one question.

        Args:
            policy: The checkpoint.
            index: Place of the question.
            draft: What vLLM generated for it.
            base: The base model's row, for its probes.

        Returns:
            The row without its head; a failed one with its reason if the question can't be asked.
        """
        try:
            group, greedy = self._generate(policy, index, draft)
            measured = self._measure(policy, group, [list(ids) for ids in distinct_answers(group)])
            row = answers_row(group, greedy, measured)
            if policy.name == self.config.base:
                probes = probe_set(group, measured, self.config.probes)
                # Measured again in the batch in which the others measure them: equal models then give equal numbers.
                return row | {"probes": probes, "probe_log_probs": self._measure(policy, group, probes).log_probs}
            probes = base["probes"] if base is not None else None
            if probes is None:
                return row
            return row | {"probe_log_probs": self._measure(policy, group, probes).log_probs}
        except AntigradError as error:
            return {"status": "failed", "reason": str(error)}

    def _generate(self, policy: Policy, index: int, draft: vllm.Drafts | None) -> tuple[Rollouts, Rollouts]:
        question, config = self.task.questions[index], self.config
        if draft is not None:
            prompt = prompt_of(policy, self.task, question, config.max_new_tokens)
            both = (judged(policy, self.task, question, prompt, rows) for rows in (draft.samples, [draft.greedy]))
            return next(both), next(both)
        common: Any = {"max_new_tokens": config.max_new_tokens, "temperature": config.temperature}
        numbers = uniforms(stream_seed(config.seed, "evaluate", index), config.samples, config.max_new_tokens)
        pieces = [
            sample(policy, self.task, question, count=len(piece), numbers=piece, **common)
            for piece in numbers.split(config.rows_at_once)
        ]
        return reduce(joined, pieces), sample(policy, self.task, question, count=1, greedy=True, **common)

    def _measure(self, policy: Policy, group: Rollouts, responses: list[list[int]]) -> Likelihoods:
        common: Any = {"temperature": self.config.temperature, "rows_at_once": self.config.rows_at_once}
        return likelihoods(policy, group.prompt, responses, **common)

    def _drafts(self, name: str, policy: Policy, missing: list[int]) -> dict[int, vllm.Drafts]:
        """Let vLLM generate for all questions that are missing; the policy makes room for it on the device.

        Args:
            name: The checkpoint.
            policy: The same in transformers.
            missing: Places of the questions.

        Returns:
            What came back for each question that can be asked.
        """
        prompts: dict[int, list[int]] = {}
        for index in missing:
            try:
                prompt = prompt_of(policy, self.task, self.task.questions[index], self.config.max_new_tokens)
            except InputValueError:
                continue  # it fails with its reason when it is asked
            prompts[index] = prompt.tolist()
        if not prompts:
            return {}
        device = policy.device
        policy.model.cpu()
        torch.cuda.empty_cache()
        drafts = vllm.generate(
            name,
            [vllm.Request(ids, stream_seed(self.config.seed, "evaluate", index)) for index, ids in prompts.items()],
            count=self.config.samples,
            max_new_tokens=self.config.max_new_tokens,
            temperature=self.config.temperature,
            ends=end_tokens(policy),
            stop=self.task.stop,
            dtype=self.config.dtype,
            trust_remote_code=self.config.trust_remote_code,
        )
        policy.model.to(device)
        return dict(zip(prompts, drafts, strict=True))
