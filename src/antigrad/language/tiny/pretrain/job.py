"""`antigrad train tiny-policy`: pre-train the tiny policy until it solves half of its questions."""

from __future__ import annotations

import io
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from antigrad.core.checkpoints import Checkpoints, reading
from antigrad.core.progress import progress
from antigrad.core.runs import RunFolder
from antigrad.core.streams import stream_seed
from antigrad.language.tasks.arithmetic import Problem, questions
from antigrad.language.tiny.accuracy import measure_accuracy
from antigrad.language.tiny.policy import new_policy, save_policy
from antigrad.language.tiny.pretrain.page import describe
from antigrad.language.tiny.pretrain.settings import PretrainConfig
from antigrad.language.tiny.tokenizer import EOS

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

_WARM_UP = 100
"""Steps over which the learning rate rises."""
_STATE = "training.pt"


def pretrain(config: PretrainConfig) -> RunFolder:
    """Train on worked answers and stop when half of the held-out questions are solved.

    The loss is the mean negative log-likelihood of the tokens of the worked answer and of what ends
    it. No question of the `test` split is trained on; one set of them says when to stop, and another
    gives the figures of the summary. The run resumes after a kill at any moment with `resume=True`,
    to the same weights bit for bit.

    Args:
        config: See `PretrainConfig`.

    Returns:
        The run: a ledger with one row an evaluation, the figures, a page, and in `checkpoints/policy`
        the weights, the tokenizer and `card.json`.

    Raises:
        AntigradError: The settings or the output folder are not usable.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> run = pretrain(PretrainConfig(Path(tempfile.mkdtemp()) / "run", steps=1, questions=2, batch_size=2))
        >>> run.summary["steps"]
        1
    """
    config.check()
    run = RunFolder.start(
        config.output, job="train tiny-policy", config=config, resume=config.resume, free=("output", "resume")
    )
    if run.summary:
        return run
    with run.refusals(), _threads(config.threads):
        _train(config, run)
    return run


def _train(config: PretrainConfig, run: RunFolder) -> None:
    training = _Training(config, run)
    held_out = questions(config.questions, stream_seed(config.seed, "stop"), "test")
    with progress("steps", config.steps, done=training.step) as bar:
        while training.step < config.steps and training.accuracy < config.target:
            losses: list[float] = []
            while len(losses) < config.every and training.step < config.steps:
                losses.append(training.one_step())
                bar.advance(f"solves {training.accuracy:.0%}")
            training.evaluate(held_out, sum(losses) / len(losses))
    _finish(config, run, training)


@contextmanager
def _threads(count: int) -> Generator[None]:
    """Use so many CPU threads, and then as many as before.

    Args:
        count: How many.

    Yields:
        Nothing; compute inside.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class _Training:
    """The policy, its optimizer and how far they are; taken from the run's checkpoint if it has one."""

    def __init__(self, config: PretrainConfig, run: RunFolder) -> None:
        self.config, self.run = config, run
        self.policy = new_policy(config.seed)
        self.step, self.accuracy = 0, 0.0
        self.optimizer = torch.optim.AdamW(
            self.policy.model.parameters(), lr=config.learning_rate, betas=(0.9, 0.95), weight_decay=0.1
        )
        self._checkpoints = Checkpoints(run.path / "checkpoints")
        if (last := self._checkpoints.last()) is not None:
            with reading(last):
                state = torch.load(last / _STATE, weights_only=True)
                self.step, self.accuracy = int(state["step"]), float(state["accuracy"])
                self.policy.model.load_state_dict(state["model"])
                self.optimizer.load_state_dict(state["optimizer"])

    def one_step(self) -> float:
        """Do one optimizer step on questions that the seed and the number of the step decide.

        Returns:
            The loss before it.
        """
        config, model = self.config, self.policy.model
        problems = questions(config.batch_size, stream_seed(config.seed, "step", self.step), "train")
        for group in self.optimizer.param_groups:
            group["lr"] = config.learning_rate * min(1, (self.step + 1) / _WARM_UP)
        loss = model(**batch(self.policy.tokenizer, problems)).loss
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        self.optimizer.step()
        self.step += 1
        return loss.item()

    def evaluate(self, problems: Sequence[Problem], loss: float) -> None:
        """Measure the accuracy, write its row, and keep everything needed to resume from here.

        Args:
            problems: Held-out questions.
            loss: Mean loss since the last evaluation.
        """
        figures = measure_accuracy(self.policy, problems, seed=stream_seed(self.config.seed, "stop", self.step))
        self.accuracy = figures.accuracy
        # After a kill between the row and the checkpoint, the row is there already.
        if all(row["step"] != self.step for row in self.run.ledger.rows("evaluation")):
            self.run.ledger.append({"kind": "evaluation", "step": self.step, "loss": loss, **asdict(figures)})
        content = io.BytesIO()
        state = {"model": self.policy.model.state_dict(), "optimizer": self.optimizer.state_dict()}
        torch.save(state | {"step": self.step, "accuracy": self.accuracy}, content)
        self._checkpoints.write(self.step, {_STATE: content.getvalue()})


def batch(tokenizer: PreTrainedTokenizerFast, problems: Sequence[Problem]) -> dict[str, Tensor]:
    """Encode worked answers for training.

    Args:
        tokenizer: Makes one token of each character.
        problems: B problems.

    Returns:
        `input_ids` (B, L), padded right; `labels` (B, L), −100 on questions and padding.

    Example:
        >>> from antigrad.language.tiny.tokenizer import make_tokenizer
        >>> batch(make_tokenizer(), [Problem("2*3=", "6", 6)])["labels"]
        tensor([[-100, -100, -100, -100,    9,    1]])
    """
    texts = [problem.question + problem.worked + EOS for problem in problems]
    encoded = tokenizer(texts, padding=True, padding_side="right", return_tensors="pt")
    ids = encoded.input_ids
    starts = torch.tensor([[len(problem.question)] for problem in problems])
    counts = (torch.arange(ids.shape[1]) >= starts) & encoded.attention_mask.bool()
    # Causal attention keeps padding on the right out: no attention mask is needed.
    return {"input_ids": ids, "labels": ids.where(counts, -100)}


def _finish(config: PretrainConfig, run: RunFolder, training: _Training) -> None:
    """Measure on questions that had no say in when to stop, and write what the run leaves behind.

    Args:
        config: Settings of the run.
        run: The run.
        training: The trained policy.
    """
    key = stream_seed(config.seed, "figures")
    held_out = questions(4 * config.questions, key, "test")
    figures = asdict(measure_accuracy(training.policy, held_out, seed=key))
    parameters = sum(weight.numel() for weight in training.policy.model.parameters())
    summary = {**figures, "questions": len(held_out), "steps": training.step, "parameters": parameters}
    facts = run.facts
    settings = {name: value for name, value in facts["config"].items() if name not in {"output", "resume"}}
    card = {"figures": summary, "made_by": "antigrad train tiny-policy", "settings": settings}
    save_policy(training.policy, run.path / "checkpoints" / "policy", card | {"versions": facts["versions"]})
    describe(run, summary)
    run.write_summary(summary)
