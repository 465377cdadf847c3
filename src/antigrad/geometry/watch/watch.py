"""`Watch`: two lines around any optimizer, and every logged step says what it did."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import torch
from torch import nn
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

from antigrad.core.errors import InputTypeError, InputValueError, raise_all
from antigrad.core.parts import Parts
from antigrad.core.runs import RunFolder
from antigrad.geometry.effects import WITHOUT_WANTED_PART, SafeWeight
from antigrad.geometry.page.page import write_certificate_page
from antigrad.geometry.watch.alarms import Alarms
from antigrad.geometry.watch.independent import undisturbed
from antigrad.geometry.watch.part_gradients import PartGradients
from antigrad.geometry.watch.settings import Independent, Settings, wrong_kinds, wrong_numbers, wrong_source
from antigrad.geometry.watch.tracker import Tracker
from antigrad.geometry.watch.watched import Granularity, optimizer_parameters

LOG = logging.getLogger("antigrad.watch")


class Watch:
    r"""Certifies the steps of an optimizer, as they were applied, one in `every`.

    $$\cos\psi=\frac{\Delta\theta\cdot y}{|\Delta\theta||y|},\qquad
    \kappa=\Big(\frac{1+\sin\psi}{\cos\psi}\Big)^2,\qquad e_a=y_a\cdot\Delta\theta$$

    with y the negative gradient. Hooks copy the watched parameters before a logged step and compare
    after it; the trajectory is not touched.

    Args:
        target: The optimizer; or a model, to watch whichever optimizers step its parameters.
        model: When `target` is an optimizer, gives blocks their names; its buffers (running means) and
            other gradients are then left as they were by evaluations on the side.
        every: Log one step in so many.
        granularity: Finest blocks of the certificate: `layer` (tensors), `head`, `row`, `coordinate`.
        independent: Where the gradient comes from that did not make the step: `lagged` (the next
            batch's, no extra work), `split` (`half()` between the halves of an accumulation),
            `held_out`, or `none`. None: `held_out` if a held-out loss is given, `lagged` otherwise.
        held_out: Returns a scalar loss of the model on data that is not trained on; also measures
            the drop. Costs a forward, a backward and a second forward on logged steps.
        parts: Returns the parts of the objective before a logged step, for loops that do not call
            `backward` or `take` themselves.
        weight: Weight of the down part in `backward`: a number, `safe` (from running estimates of
            the window in which every part gains), or a `SafeWeight`.
        run: Run folder, or a path to make one in: rows go into its ledger, and `close` describes the page of
            one made here, for `antigrad report`. None: into `rows` alone.
        rotate: Watch one in so many blocks at each logged step: memory and time fall by as much.
        copy_grad: Keep a copy of the gradient, for optimizers that overwrite it.
        decoupled_decay: Whether weight decay acts apart from the gradient, as in AdamW. None: as the
            optimizer says.
        start: Number of the first step (of a resumed run).
        on_row: Called with each row.

    Raises:
        ManyInputsError: Options out of range, all at once.
        InputTypeError: The target has no step hooks.
        InputValueError: Nothing is trained. Later, at a step: the weight is `safe`, something is pushed down, and no
            wanted part has had a gradient.

    Sign: `cos` and `drop_predicted` are positive for a step down the loss (an optimizer with
        `maximize=True` goes up, and is told so); `effect[a]` is positive
        when the loss of part a falls, so a positive `down` means that what should be pushed down was.

    Source: Shoji, Suzuki, Kozachkov 2024, arXiv 2409.16422; the instrument is ours.

    Deviations: the paper states existence; blocks, parts, independent gradients and windows are ours.

    Example:
        >>> model = nn.Linear(3, 1)
        >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        >>> with Watch(optimizer, model=model, every=1) as watch:
        ...     for _ in range(2):
        ...         optimizer.zero_grad()
        ...         model(torch.ones(4, 3)).square().mean().backward()
        ...         optimizer.step()
        >>> round(watch.rows[0]["in_batch"]["cos"], 6), watch.rows[0]["independent"], watch.rows[1]["independent"]
        (1.0, 'lagged', None)
    """

    def __init__(
        self,
        target: nn.Module | torch.optim.Optimizer,
        *,
        model: nn.Module | None = None,
        every: int = 10,
        granularity: Granularity = "layer",
        independent: Independent | None = None,
        held_out: Callable[[], Any] | None = None,
        parts: Callable[[], Parts] | None = None,
        weight: float | Literal["safe"] | SafeWeight = 1.0,
        run: RunFolder | Path | str | None = None,
        rotate: int = 1,
        copy_grad: bool = False,
        decoupled_decay: bool | None = None,
        start: int = 0,
        on_row: Callable[[Mapping[str, Any]], None] | None = None,
    ) -> None:
        independent = independent or ("lagged" if held_out is None else "held_out")
        group, world = _processes()
        functions = {"held_out": held_out, "parts": parts, "on_row": on_row}
        problems = wrong_numbers(every, rotate, granularity, weight) + wrong_kinds(model, functions)
        raise_all("Watch", problems + wrong_source(independent, held_out, world))
        self._settings = Settings(
            every,
            granularity,
            independent,
            held_out,
            parts is not None,
            rotate,
            copy_grad,
            decoupled_decay,
            group,
            world,
        )
        optimizer = None if isinstance(target, nn.Module) else _unwrapped(target)
        self._model = target if isinstance(target, nn.Module) else model
        trained = _trained(self._model) if optimizer is None else optimizer_parameters(optimizer)
        self._trained = set(trained)
        self._parts, self._ask = PartGradients(trained), parts
        self._safe = SafeWeight() if weight == "safe" else weight if isinstance(weight, SafeWeight) else None
        self._weight = 1.0 if isinstance(weight, str | SafeWeight) else float(weight)
        self._made = run is not None and not isinstance(run, RunFolder)
        self._run = _run(run, self._settings)
        self._alarms, self._heard, self._on_row, self._start = dict[str, Alarms](), set[str](), on_row, start
        self._trackers: dict[torch.optim.Optimizer, Tracker] = {}
        self._taken_at, self._in_closure = self.weight, False
        self.rows: list[dict[str, Any]] = []
        if optimizer is None:
            self._handles = [register_optimizer_step_pre_hook(self._pre), register_optimizer_step_post_hook(self._post)]
        else:
            self._tracker(optimizer)
            self._handles = [
                optimizer.register_step_pre_hook(self._pre),
                optimizer.register_step_post_hook(self._post),
            ]

    @property
    def due(self) -> bool:
        """Whether the next step is logged."""
        return any(tracker.due for tracker in self._trackers.values()) or not self._trackers

    @property
    def weight(self) -> float:
        """Weight of the down part to sum the parts with."""
        return self._weight if self._safe is None else self._safe.value

    def take(self, parts: Parts, *, scale: float = 1.0, loss_scale: float = 1.0) -> None:
        """Take the gradients of the parts apart, if the next step is logged. Call before `backward`.

        Gradients of micro-batches add up; a call while no parameter has a gradient starts anew.

        Args:
            parts: The parts, with their graph.
            scale: What the loss is multiplied by before its `backward`: 1/micro-batches.
            loss_scale: Factor against underflow in float16, divided out again.
        """
        if self.due and not self._in_closure:
            self._taken_at = self.weight
            self._parts.take(parts, scale=scale, loss_scale=loss_scale)

    def backward(self, parts: Parts, *, scale: float = 1.0) -> None:
        """Call `backward` on the sum of the parts, and take them apart if the next step is logged.

        Args:
            parts: The parts, with their graph.
            scale: Factor of the loss: 1/micro-batches under gradient accumulation.
        """
        self.take(parts, scale=scale)
        (parts.total(self.weight) * scale).backward()

    def half(self) -> None:
        """Say that half of an accumulation is done (for `independent="split"`).

        Call it after the first half, and again after the second if gradients are clipped then.
        """
        for tracker in self._trackers.values():
            tracker.half()

    def close(self) -> None:
        """Write the row that waits for a next batch, take the hooks away; describe the page of a run made here."""
        for handle in self._handles:
            handle.remove()
        self._handles = []
        for tracker in self._trackers.values():
            tracker.finish()
        if self._run is not None and self._made and any(not row["skipped"] for row in self.rows):
            write_certificate_page(self._run)

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run has to know: the number of the next step, and the safe weight.

        Returns:
            Plain numbers.
        """
        steps = [tracker.step for tracker in self._trackers.values()] or [self._start]
        return {"step": max(steps), "safe": None if self._safe is None else self._safe.state()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where another watch was.

        Args:
            state: What its `state_dict` returned.
        """
        self._start = int(state["step"])
        for tracker in self._trackers.values():
            tracker.step = self._start
        if self._safe is not None and state["safe"] is not None:
            self._safe.load(state["safe"])

    def __enter__(self) -> Watch:
        """Return the watch; leaving the block closes it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the watch, also after an exception."""
        self.close()

    def _tracker(self, optimizer: torch.optim.Optimizer) -> Tracker | None:
        if optimizer not in self._trackers:
            owned = {p for group in optimizer.param_groups for p in group["params"]}
            if not owned & self._trained:
                return None
            kind = type(optimizer).__name__
            count = sum(type(other) is type(optimizer) for other in self._trackers)
            self._trackers[optimizer] = Tracker(
                optimizer,
                self._model,
                self._settings,
                self._parts,
                self._emit,
                self._start,
                f"{kind} {count + 1}" if count else kind,
            )
        return self._trackers[optimizer]

    def _pre(self, optimizer: torch.optim.Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        tracker = self._tracker(optimizer)
        if tracker is None:
            return
        closure = kwargs.get("closure", args[1] if len(args) > 1 and callable(args[1]) else None)
        self._in_closure = False
        if self._ask is not None and tracker.due:
            with undisturbed(self._model, tracker.parameters):
                self._parts.clear()
                self.take(self._ask())
        elif closure is not None:
            self._parts.forget(tracker.parameters)
        self._check_wanted(tracker)
        tracker.before(closure)
        # The parts are those of the first evaluation of a closure, where the step starts.
        self._in_closure = closure is not None

    def _check_wanted(self, tracker: Tracker) -> None:
        # Before the step. Of several processes one may have nothing that is wanted: `SafeWeight` sees their sum.
        names = set(self._parts.names)
        alone = self._safe is not None and self._settings.world == 1 and names == {"down"}
        if alone and tracker.due and self._safe is not None and self._safe.state()["up_up"] == 0:
            raise InputValueError(*WITHOUT_WANTED_PART)

    def _post(self, optimizer: torch.optim.Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        tracker, self._in_closure = self._tracker(optimizer), False
        if tracker is None:
            return
        tracker.after(self._taken_at, self._safe)
        self._parts.forget(tracker.parameters)

    def _emit(self, row: dict[str, Any]) -> None:
        alarms = self._alarms.setdefault(row["optimizer"], Alarms()).of(row)
        row["alarms"] = list(alarms.values())
        self.rows.append(row)
        if self._run is not None:
            self._run.ledger.append(row)
        for kind in alarms.keys() - self._heard:
            LOG.warning("step %d: %s", row["step"], alarms[kind])
        self._heard |= alarms.keys()
        if self._on_row is not None:
            self._on_row(row)


def _unwrapped(optimizer: Any) -> torch.optim.Optimizer:
    """Find the optimizer inside a wrapper such as accelerate's, whose own hooks never fire.

    Args:
        optimizer: What was given.

    Returns:
        An optimizer with hooks.

    Raises:
        InputTypeError: It has none.
    """
    while not isinstance(optimizer, torch.optim.Optimizer) or isinstance(
        getattr(optimizer, "optimizer", None), torch.optim.Optimizer
    ):
        inner = getattr(optimizer, "optimizer", None)
        if inner is None or not hasattr(optimizer, "step"):
            raise InputTypeError(
                f"a {type(optimizer).__name__} to watch",
                "a model or an optimizer with step hooks (torch.optim.Optimizer)",
                "make the optimizer a subclass of torch.optim.Optimizer",
            )
        optimizer = inner
    return optimizer


def _trained(model: nn.Module | None) -> list[nn.Parameter]:
    found = [] if model is None else [parameter for parameter in model.parameters() if parameter.requires_grad]
    if not found:
        raise InputValueError(
            f"a {type(model).__name__} without a parameter that requires a gradient",
            "at least one that is trained",
            "unfreeze it before it is watched",
        )
    return found


def _processes() -> tuple[object, int]:
    distributed = torch.distributed
    if not distributed.is_available() or not distributed.is_initialized() or distributed.get_world_size() == 1:
        return None, 1
    return distributed.group.WORLD, distributed.get_world_size()


def _run(run: RunFolder | Path | str | None, settings: Settings) -> RunFolder | None:
    """Open the run that rows go into; the first process alone writes.

    Args:
        run: The run, or where to make one.
        settings: What the watch was asked for.

    Returns:
        The run; None where nothing is to be written.
    """
    if run is None or (settings.group is not None and torch.distributed.get_rank() != 0):
        return None
    if isinstance(run, RunFolder):
        return run
    config = {"every": settings.every, "granularity": settings.granularity, "independent": settings.independent}
    return RunFolder.start(Path(run), job="watch", config=config, resume=True)
