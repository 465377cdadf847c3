"""The optimizers that a watch follows: which steps are theirs, which parts, and what becomes of their rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from antigrad.core.checkpoints import reading
from antigrad.core.errors import InputValueError
from antigrad.core.files import write_atomic
from antigrad.core.parts import Parts
from antigrad.core.runs import RunFolder
from antigrad.geometry.effects import WITHOUT_WANTED_PART, SafeWeight
from antigrad.geometry.watch.alarms import Alarms
from antigrad.geometry.watch.guard import LOG, Guard
from antigrad.geometry.watch.part_gradients import PartGradients
from antigrad.geometry.watch.settings import Settings
from antigrad.geometry.watch.steps import Closure, Steps
from antigrad.geometry.watch.targets import named
from antigrad.geometry.watch.tracker import Tracker
from antigrad.geometry.watch.undisturbed import undisturbed
from antigrad.geometry.watch.waiting import as_tensors

Row = dict[str, Any]


class Following:
    """Follows one optimizer, or all that step the parameters of a model.

    Args:
        settings: What was asked for.
        model: The model; None if it is not known.
        optimizer: The one to follow; None for all of the model.
        parts: Returns the parts of the objective before a logged step; None where the loop tells them.
        weight: Weight of the down part, or what chooses it.
        run: Where rows go; None for nowhere.
        start: Number of the first step.
        on_row: Called with each row; what it raises reaches the training.
        before: Rows of a run that is resumed.
    """

    def __init__(
        self,
        settings: Settings,
        model: nn.Module | None,
        optimizer: torch.optim.Optimizer | None,
        *,
        parts: Callable[[], Parts] | None,
        weight: float | SafeWeight,
        run: RunFolder | None,
        start: int,
        on_row: Callable[[Mapping[str, Any]], None] | None,
        before: Sequence[Mapping[str, Any]],
    ) -> None:
        self.rows: list[Row] = []
        self._settings, self._model, self._only, self._ask = settings, model, optimizer, parts
        self._weight, self._run, self._start, self._on_row, self._before = weight, run, start, on_row, before
        self._parts = PartGradients()
        self._trackers: dict[torch.optim.Optimizer, Tracker] = {}
        self._alarms, self._heard = dict[str, Alarms](), set[str]()
        self._fresh: list[Row] = []
        self._guard = Guard()
        self._taken_at, self._deaf = self.weight, False
        self._state: dict[str, Any] = {}
        self._steps = Steps(self._begin, self._end, self._abandon)
        if optimizer is None:
            self._steps.follow_all()
        else:
            self._tracker(optimizer)
            self._steps.follow(optimizer)

    @property
    def due(self) -> bool:
        """Whether the next step is logged."""
        return any(tracker.due for tracker in self._trackers.values()) or not self._trackers

    @property
    def weight(self) -> float:
        """Weight of the down part."""
        return self._weight.value if isinstance(self._weight, SafeWeight) else self._weight

    def take(self, parts: Parts, *, scale: float, loss_scale: float) -> None:
        """Take the gradients of the parts apart, if the next step is logged.

        Args:
            parts: The parts, with their graph.
            scale: What the loss is multiplied by.
            loss_scale: Factor against underflow, divided out again.
        """
        if self.due and not self._deaf:
            self._taken_at = self.weight
            self._parts.take(parts, self._trained(), scale=scale, loss_scale=loss_scale)

    def half(self) -> None:
        """Half of an accumulation is done."""
        for tracker in self._trackers.values():
            tracker.half()

    def micro_batch(self) -> None:
        """One micro-batch of an accumulation is done."""
        for tracker in self._trackers.values():
            self._guard(tracker.micro_batch, self._failing(tracker))

    def close(self) -> None:
        """Write what waits, take everything away and keep no tensor."""
        self._steps.close()
        for tracker in self._trackers.values():
            self._guard(tracker.finish, self._failing(tracker))
            tracker.let_go()
        if self._only is not None and self._trackers and not self._state and self._steps.seen == 0:
            LOG.warning("no step of %s was seen: it steps by other means than step()", type(self._only).__name__)
        self._state = self.state_dict()
        # A closure may hold the model.
        self._settings = replace(self._settings, held_out=None)
        self._trackers, self._model, self._only, self._ask = {}, None, None, None
        self._parts.clear()
        self._deliver()

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run has to know.

        Returns:
            Plain numbers.
        """
        if self._state:
            return self._state
        steps = [tracker.step for tracker in self._trackers.values()] or [self._start]
        return {"step": max(steps), "safe": self._weight.state() if isinstance(self._weight, SafeWeight) else None}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where another was.

        Args:
            state: What its `state_dict` returned.
        """
        self._start = int(state["step"])
        for tracker in self._trackers.values():
            tracker.step = self._start
        if isinstance(self._weight, SafeWeight) and state["safe"] is not None:
            self._weight.load(state["safe"])

    def save_waiting(self, path: Path) -> None:
        """Write the row that waits for the next batch, if there is one.

        Args:
            path: The file.
        """
        found = [(tracker.name, tracker.waiting) for tracker in self._trackers.values() if tracker.waiting is not None]
        if found and self._settings.group is None:  # of several processes each has seen its own share only
            kept = {name: as_tensors(pending) for name, pending in found}
            tensors = {f"{name}/{key}": one for name, (_, some) in kept.items() for key, one in some.items()}
            write_atomic(path, save(tensors, {"rows": json.dumps({name: text for name, (text, _) in kept.items()})}))

    def load_waiting(self, path: Path) -> None:
        """Let the row wait again that a checkpoint kept, if it did.

        Args:
            path: The file.

        Raises:
            ValueError: It can't be read; an `InputValueError` that names it.
        """
        if not path.is_file():
            return
        with reading(path):
            try:
                self._read_waiting(path)
            except SafetensorError as error:
                raise ValueError(str(error)) from error

    def _read_waiting(self, path: Path) -> None:
        with safe_open(path, "pt") as file:
            facts: dict[str, str] = json.loads(file.metadata()["rows"])
            for tracker in self._trackers.values():
                if tracker.name in facts:
                    own = f"{tracker.name}/"
                    keys = [key for key in file.keys() if key.startswith(own)]  # noqa: SIM118
                    tensors = {key.removeprefix(own): file.get_tensor(key) for key in keys}
                    tracker.wait_again(facts[tracker.name], tensors)
                    if tracker.waiting is not None:
                        self._remember(tracker, tracker.waiting.row["step"])

    def _trained(self) -> list[nn.Parameter]:
        if self._only is not None:
            return self._trackers[self._only].current()
        return [p for p in self._model.parameters() if p.requires_grad] if self._model is not None else []

    def _tracker(self, optimizer: torch.optim.Optimizer) -> Tracker | None:
        if optimizer in self._trackers:
            return self._trackers[optimizer]
        owned = {p for group in optimizer.param_groups for p in group["params"]}
        if self._only is not optimizer and (self._only is not None or not owned & set(self._trained())):
            return None
        name = named(optimizer, list(self._trackers))
        tracker = Tracker(optimizer, self._model, self._settings, self._parts, self._emit, self._start, name)
        self._remember(tracker, self._start)
        self._trackers[optimizer] = tracker
        return tracker

    def _remember(self, tracker: Tracker, until: int) -> None:
        # What the rows of a resumed run said: the pool judges several together, an alarm counts steps in a row.
        tracker.pool, alarms = tracker.new_pool(), Alarms()
        self._alarms[tracker.name] = alarms
        for row in self._before:
            if row.get("optimizer") == tracker.name and row["step"] < until:
                alarms.of(row)
                if row.get("independent") == self._settings.independent:
                    tracker.pool.remember(row["step"], row)

    def _begin(self, optimizer: torch.optim.Optimizer, closure: Closure | None) -> Closure | None:
        tracker = self._tracker(optimizer)
        if tracker is None:
            return closure
        self._deaf = False
        used: list[Closure | None] = [closure]
        self._guard(lambda: self._started(tracker, closure, used), self._failing(tracker))
        self._deliver()
        return used[0]

    def _started(self, tracker: Tracker, closure: Closure | None, used: list[Closure | None]) -> None:
        if self._ask is not None and tracker.due:
            with undisturbed(self._model, tracker.current()):
                self._parts.clear()
                self.take(self._ask(), scale=1.0, loss_scale=1.0)
        self._check_wanted(tracker)
        used[0] = tracker.begin(closure, self._taking)
        self._deaf = closure is not None

    def _check_wanted(self, tracker: Tracker) -> None:
        # Before the step. Of several processes one may have nothing that is wanted: `SafeWeight` sees their sum.
        alone = (
            isinstance(self._weight, SafeWeight) and self._settings.world == 1 and set(self._parts.names) == {"down"}
        )
        if alone and tracker.due and isinstance(self._weight, SafeWeight) and self._weight.state()["up_up"] == 0:
            raise InputValueError(*WITHOUT_WANTED_PART)

    def _taking(self, taking: bool) -> None:
        # Around the evaluation of a closure at the place where the step starts: its parts are those of the step.
        self._deaf = not taking or self._ask is not None

    def _end(self, optimizer: torch.optim.Optimizer) -> None:
        tracker, self._deaf = self._trackers.get(optimizer), False
        if tracker is None:
            return
        safe = self._weight if isinstance(self._weight, SafeWeight) else None
        step = tracker.step
        if not self._guard(lambda: tracker.end(self._taken_at, safe), self._failing(tracker)):
            tracker.step = step + 1
        self._parts.forget(tracker.parameters)
        self._deliver()

    def _abandon(self) -> None:
        self._deaf = False
        for tracker in self._trackers.values():
            tracker.forget()

    def _failing(self, tracker: Tracker) -> Callable[[str], None]:
        def failed(reason: str) -> None:
            row: Row = {"kind": "certificate", "step": tracker.step, "optimizer": tracker.name, "skipped": True}
            tracker.forget(waiting=True)
            self._write(row | {"failed": reason, "in_batch": {}}, {"failed": f"could not be watched: {reason}"})

        return failed

    def _emit(self, row: Row) -> None:
        self._write(row, self._alarms.setdefault(row["optimizer"], Alarms()).of(row))
        self._guard.settled = True

    def _write(self, row: Row, alarms: Mapping[str, str]) -> None:
        row["alarms"] = list(alarms.values())
        self.rows.append(row)
        self._fresh.append(row)
        if self._run is not None:
            self._run.ledger.append(row)
        for kind in alarms.keys() - self._heard:
            LOG.warning("step %d: %s", row["step"], alarms[kind])
        self._heard |= alarms.keys()

    def _deliver(self) -> None:
        fresh, self._fresh = self._fresh, []
        if self._on_row is not None:
            for row in fresh:
                self._on_row(row)
