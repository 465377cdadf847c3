"""Running a method: its phases, epochs and steps, watched and guarded, resumable at every epoch's end."""

from __future__ import annotations

import logging
import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm as BatchNorm  # pyright: ignore[reportPrivateUsage]

from antigrad.core.errors import InputValueError
from antigrad.core.progress import within
from antigrad.geometry import SafeWeight, Watch
from antigrad.unlearning.checkpoint import EpochCheckpoints, Position
from antigrad.unlearning.clock import Clock
from antigrad.unlearning.deletion import Deletion
from antigrad.unlearning.draws import Draw
from antigrad.unlearning.guard import Guard, accuracy
from antigrad.unlearning.methods.method import (
    STOP_CLASS,
    Batch,
    Context,
    Drawn,
    Phase,
    UnlearningMethod,
    stream,
)
from antigrad.unlearning.outputs import outputs
from antigrad.unlearning.payers import Payers
from antigrad.vision.samples import Samples
from antigrad.vision.split import SplitModel

Weight = float | Literal["safe"]
_WATCH = logging.getLogger("antigrad.watch")


@dataclass
class Unlearned:
    """What came of a method.

    Args:
        model: The unlearned model, in eval mode.
        steps: Optimizer steps.
        passes: Passes over the forget set.
        seconds: Spent, checkpoints and measurements of the guard left out.
        epochs: Begun.
        stopped: Why the guard stopped it; None if it did not.
        history: One row an epoch: phase, epoch, mean of each part, accuracies on the forget set and on retain samples.
        paid: Who paid, if that was followed.
    """

    model: SplitModel
    steps: int = 0
    passes: float = 0.0
    seconds: float = 0.0
    epochs: int = 0
    stopped: str | None = None
    history: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    paid: Payers | None = None


def context_of(
    original: SplitModel, deletion: Deletion, *, seed: int = 0, fresh: Callable[[int], SplitModel] | None = None
) -> Context:
    """Gather what a method is given; reads the target before anything is changed.

    Args:
        original: The model; it is left as it is.
        deletion: What is to be forgotten.
        seed: Of everything random.
        fresh: Makes a model of this kind with new random weights.

    Returns:
        The context. The target is an accuracy of .01 on the forget set for class removal, and the original's accuracy
        on the test set otherwise.
    """
    device = next(original.module.parameters()).device

    def batch(samples: Samples, places: Tensor) -> Drawn:
        return Drawn(samples.images[places].to(device), samples.labels[places].to(device), places)

    target = STOP_CLASS
    if deletion.scenario == "homogeneous":
        target = float((outputs(original, deletion.test)[1].argmax(1) == deletion.test.labels).float().mean())
    return Context(original, deletion, deletion.forget, deletion.retain, target, seed, fresh, batch)


def unlearn(
    method: UnlearningMethod,
    context: Context,
    *,
    guard: Guard | None = None,
    weight: Weight = 1.0,
    every: int = 0,
    payers: int = 0,
    checkpoints: EpochCheckpoints | None = None,
    on_row: Callable[[Mapping[str, Any]], None] | None = None,
    on_epoch: Callable[[str], None] | None = None,
) -> Unlearned:
    """Run a method on a copy of the model.

    Args:
        method: The method.
        context: What it is given.
        guard: What stops it; None for losses and parameters that are not finite alone.
        weight: Of the down part; `safe` takes it from running estimates of the window in which every part gains.
        every: Certify one step in this many; 0 for none (10 with `safe`).
        payers: Retained samples of which it is followed what each part of the steps does to them.
        checkpoints: Where to go on from, and to write at each epoch's end.
        on_row: Takes the certificates, an epoch's at once, before its checkpoint is written.
        on_epoch: Called with a few words after each epoch.

    Returns:
        What came of it.

    Raises:
        InputValueError: The weight is `safe` and the method has steps without a wanted part.
    """
    if weight == "safe" and method.down and not method.wanted:
        raise InputValueError(
            f"weight safe for {type(method).__name__}, which has steps that only push down",
            "a method with a retain or anchor part in every step",
            "use neg_grad_plus, advanced_neg_grad, npo, amnesiac or duck, or a number as the weight",
        )
    guard = guard or Guard()
    least = guard.floor * guard.retained(context.original, context) if guard.floor else 0.0
    model = context.original.copy()
    done = Unlearned(model)
    device = next(model.module.parameters()).device
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(stream(context.seed, 1))
        began = time.perf_counter()
        memory = method.prepare(model, context)
        finished = method.apply(model, context)
        done.seconds += time.perf_counter() - began
        if not finished:
            run = _Run(method, context, guard, weight, every, checkpoints, on_row, on_epoch, done, memory, least)
            done.paid = run.payers = Payers(model, context, payers) if payers else None
            run.all_phases()
    began = time.perf_counter()
    method.finish(model, memory)
    done.seconds += time.perf_counter() - began
    if finished:
        reason, _ = guard.of_model(model, context, least)
        if reason is not None:
            done.stopped = reason
            done.model = context.original.copy()
    done.model.module.eval().requires_grad_(True)
    return done


class _Run:
    # Phases of one method, with what they share.

    def __init__(
        self,
        method: UnlearningMethod,
        context: Context,
        guard: Guard,
        weight: Weight,
        every: int,
        checkpoints: EpochCheckpoints | None,
        on_row: Callable[[Mapping[str, Any]], None] | None,
        on_epoch: Callable[[str], None] | None,
        done: Unlearned,
        memory: Any,
        least: float,
    ) -> None:
        self.method, self.context, self.guard, self.done, self.memory = method, context, guard, done, memory
        self.model, self.least, self.checkpoints = done.model, least, checkpoints
        self.on_row, self.on_epoch = on_row, on_epoch
        self.weight: float | SafeWeight = SafeWeight() if weight == "safe" else float(weight)
        self.every = every or (10 if weight == "safe" and method.down else 0)
        self.rows: list[dict[str, Any]] = []
        self.once = _Once()
        self.payers: Payers | None = None
        self.best: tuple[float, dict[str, Tensor]] | None = None
        names = set(method.trained(self.model))
        self.parameters = [value for name, value in self.model.module.named_parameters() if name in names]
        for name, value in self.model.module.named_parameters():
            value.requires_grad_(name in names)
        # The first good state is the original, also where a method begins with new weights.
        start, now = context.original.module.state_dict(), self.state()
        alike = all(value.shape == start[name].shape for name, value in now.items())
        self.good = {name: value.clone() for name, value in start.items()} if alike else now

    def state(self) -> dict[str, Tensor]:
        return {name: value.detach().clone() for name, value in self.model.module.state_dict().items()}

    def all_phases(self) -> None:
        for place, phase in enumerate(self.method.phases(self.context)):
            if self.done.stopped is None:
                self.one_phase(place, phase)
        if self.best is not None:
            self.model.module.load_state_dict(self.best[1])

    def one_phase(self, place: int, phase: Phase) -> None:
        optimizer = phase.optimizer(self.parameters)
        if self.payers is not None:
            self.payers.begin()
        first, ended = self.resumed(place, optimizer)
        for epoch in range(first, 0 if ended else phase.epochs):
            torch.manual_seed(stream(self.context.seed, 2, place, epoch))
            reason, means = self.one_epoch(place, phase, epoch, optimizer)
            retained = math.nan
            if reason is None:
                reason, retained = self.guard.of_model(self.model, self.context, self.least)
            if reason is not None:
                self.done.stopped = f"{phase.name}, epoch {epoch + 1}: {reason}"
                self.model.module.load_state_dict(self.good)
                self.flush()
                return
            forgotten = accuracy(self.model, self.context)
            row = {"phase": phase.name, "epoch": epoch, "forget": forgotten, "retain": retained, **means}
            self.done.history.append(row)
            self.good = self.state()
            score = self.method.score(forgotten, self.context)
            if score is not None and (self.best is None or score > self.best[0]):
                self.best = (score, self.good)
            ended = phase.stop and forgotten <= self.context.target
            self.flush()
            self.save(place, epoch, optimizer, ended=ended)
            said = f"{phase.name}, epoch {epoch + 1}: forget {forgotten:.3f}, retain {retained:.3f}"
            within(self.share(place, epoch + 1), said)
            if self.on_epoch is not None:
                self.on_epoch(said)
            if ended:
                return

    def share(self, place: int, epochs: int) -> float:
        """Say how much of all epochs is done.

        Args:
            place: Number of the phase.
            epochs: Done in it.

        Returns:
            From 0 to 1.
        """
        planned = [phase.epochs for phase in self.method.phases(self.context)]
        return (sum(planned[:place]) + epochs) / sum(planned)

    def one_epoch(
        self, place: int, phase: Phase, epoch: int, optimizer: torch.optim.Optimizer
    ) -> tuple[str | None, dict[str, float]]:
        self.train_mode()
        seed = stream(self.context.seed, 3, place, epoch)
        generator = torch.Generator().manual_seed(seed)
        sums: dict[str, float] = {"up": 0.0, "down": 0.0, "anchor": 0.0}
        count, reason = 0, None
        clock = Clock()
        self.done.epochs += 1
        with self.once, self.watch(optimizer) as watch:
            for step, draw in enumerate(self.method.draws(self.context, phase.name, epoch, generator)):
                clock.start()
                batch = self.batch(draw, torch.Generator().manual_seed(stream(seed, step)))
                for group in optimizer.param_groups:
                    group["lr"] = phase.rate(epoch, step)
                optimizer.zero_grad(set_to_none=True)
                parts = self.method.parts(batch, self.model, self.memory)
                total = parts.total(watch.weight)
                reason = self.guard.of_loss(total)
                if reason is None:
                    clock.pause()
                    watch.take(parts)
                    if self.payers is not None:
                        self.payers.before(parts, watch.weight)
                    clock.start()
                    total.backward()
                    optimizer.step()
                    clock.stop(certified=bool(self.every) and self.done.steps % self.every == 0)
                    if self.payers is not None:
                        self.payers.after(optimizer)
                    reason = next(filter(None, map(self.guard.of_row, watch.rows[-1:])), None)
                if reason is not None:
                    reason = f"step {step + 1}: {reason}"
                    break
                self.done.steps, count = self.done.steps + 1, count + 1
                self.done.passes += len(draw.forget) / len(self.context.forget)
                for name, value in parts.items():
                    sums[name] += float(value.detach())
        self.done.seconds += clock.seconds
        self.rows += watch.rows
        return reason, {name: value / max(count, 1) for name, value in sums.items()}

    def batch(self, draw: Draw, generator: torch.Generator) -> Batch:
        fetch, context = self.context.batch, self.context
        return Batch(fetch(context.forget, draw.forget), fetch(context.retain, draw.retain), draw.kind, generator)

    def train_mode(self) -> None:
        # What is frozen stays in eval mode, or batch normalisation would move its running means; of a single sample it
        # has no statistics.
        self.model.module.train()
        alone = len(self.context.retain) == 1 or (self.method.down and len(self.context.forget) == 1)
        for module in self.model.module.modules():
            own = list(module.parameters())
            if (own and not any(value.requires_grad for value in own)) or (alone and isinstance(module, BatchNorm)):
                module.eval()

    def watch(self, optimizer: torch.optim.Optimizer) -> Any:
        if not self.every:
            return _Unwatched(cast(float, self.weight) if not isinstance(self.weight, SafeWeight) else 1.0)
        return Watch(optimizer, model=self.model.module, every=self.every, weight=self.weight, start=self.done.steps)

    def flush(self) -> None:
        if self.on_row is not None:
            for row in self.rows:
                self.on_row(row)
        self.rows = []

    def save(self, phase: int, epoch: int, optimizer: torch.optim.Optimizer, *, ended: bool) -> None:
        if self.checkpoints is None:
            return
        safe = self.weight.state() if isinstance(self.weight, SafeWeight) else None
        done = {name: getattr(self.done, name) for name in ("steps", "passes", "seconds", "epochs", "history")}
        position = Position(phase, epoch, ended, done, safe, None if self.best is None else self.best[0])
        best = None if self.best is None else self.best[1]
        payers = {} if self.payers is None else self.payers.state()
        self.checkpoints.write(position, self.good, best, optimizer, payers)

    def resumed(self, place: int, optimizer: torch.optim.Optimizer) -> tuple[int, bool]:
        # Where to go on in a phase, and whether it had ended.
        found = None if self.checkpoints is None else self.checkpoints.read()
        if found is None or place > found.position.phase:
            return 0, False
        position = found.position
        for name, value in position.done.items():
            setattr(self.done, name, value)
        self.model.module.load_state_dict(found.model)
        self.good = self.state()
        self.best = None if position.best is None else (position.best, found.best)
        if self.payers is not None:
            self.payers.load(found.payers)
        if isinstance(self.weight, SafeWeight) and position.safe is not None:
            self.weight.load(position.safe)
        if place < position.phase:
            return 0, True
        found.into(optimizer)
        return position.epoch + 1, position.ended


class _Once(logging.Filter):
    # A watch is made again for each epoch, and would warn of the same in each. Steps and figures do not count.

    def __init__(self) -> None:
        super().__init__()
        self.said: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        said = re.sub(r"[\d.]+(e[-+]?\d+)?", "#", record.getMessage())
        new = said not in self.said
        self.said.add(said)
        return new

    def __enter__(self) -> _Once:
        _WATCH.addFilter(self)
        return self

    def __exit__(self, *error: object) -> None:
        _WATCH.removeFilter(self)


class _Unwatched:
    # Stands for a watch where no step is certified.

    def __init__(self, weight: float) -> None:
        self.weight = weight
        self.rows: Sequence[dict[str, Any]] = ()

    def take(self, parts: object) -> None:
        pass

    def __enter__(self) -> _Unwatched:
        return self

    def __exit__(self, *error: object) -> None:
        pass
