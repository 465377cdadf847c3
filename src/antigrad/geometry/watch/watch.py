"""`Watch`: two lines around any optimizer, and every logged step says what it did."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import torch
from torch import nn

from antigrad.core.errors import raise_all
from antigrad.core.html import figures_table
from antigrad.core.parts import Parts
from antigrad.core.runs import RunFolder
from antigrad.geometry.effects import SafeWeight
from antigrad.geometry.page.page import write_certificate_page
from antigrad.geometry.watch.following import Following
from antigrad.geometry.watch.settings import Independent, Settings, wrong_kinds, wrong_numbers, wrong_source
from antigrad.geometry.watch.steps import outermost
from antigrad.geometry.watch.targets import check_trained, processes, rows_before, run_of
from antigrad.geometry.watch.watched import Granularity, optimizer_parameters


class Watch:
    r"""Certifies the steps of an optimizer, as they were applied, one in `every`.

    $$\cos\psi=\frac{\Delta\theta\cdot y}{|\Delta\theta||y|},\qquad
    \kappa=\Big(\frac{1+\sin\psi}{\cos\psi}\Big)^2,\qquad e_a=y_a\cdot\Delta\theta$$

    with y the negative gradient. Hooks copy the watched parameters before a logged step and compare
    after it; the trajectory is not touched. What is certified is the move of the outermost step (of Lookahead, not
    of the optimizer inside it), and not what happens to the weights between steps.

    Until the first row is written, what can't be watched is refused with an error; from then on nothing that goes
    wrong here stops the training: it is logged, and the row says so.

    Args:
        target: The optimizer; or a model, to watch whichever optimizers step its parameters.
        model: When `target` is an optimizer, gives blocks their names; its buffers (running means) and
            other gradients are then left as they were by evaluations on the side.
        every: Log one step in this many.
        granularity: Finest blocks of the certificate: `layer` (tensors), `head`, `row`, `coordinate`.
        independent: Where the gradient comes from that did not make the step: `lagged` (the next
            batch's, no extra work), `split` (`half()` between the halves of an accumulation),
            `held_out`, or `none`. None: `held_out` if a held-out loss is given, `lagged` otherwise.
        held_out: Returns the loss of the model on data that is not trained on, a scalar or the losses (N,) of
            samples, whose spread then says whether the drop is distinguishable from chance; also measures the drop.
            Costs a forward, a backward and a second forward on logged steps.
        parts: Returns the parts of the objective before a logged step, for loops that do not call
            `backward` or `take` themselves.
        weight: Weight of the down part in `backward`: a number, `safe` (from running estimates of
            the window in which every part gains), or a `SafeWeight`.
        run: Run folder, or a path to make one in: rows go into its ledger, and `close` describes the page of
            one made here, for `antigrad report`. None: into `rows` alone.
        rotate: Watch one in so many blocks at each logged step: memory and time fall by as much.
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
        `maximize=True` goes up, and is reported so); `effect[a]` is positive
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
        decoupled_decay: bool | None = None,
        start: int = 0,
        on_row: Callable[[Mapping[str, Any]], None] | None = None,
    ) -> None:
        independent = independent or ("lagged" if held_out is None else "held_out")
        group, world = processes()
        functions = {"held_out": held_out, "parts": parts, "on_row": on_row}
        problems = wrong_numbers(every, rotate, granularity, weight) + wrong_kinds(model, functions)
        raise_all("Watch", problems + wrong_source(independent, held_out, world))
        settings = Settings(
            every, granularity, independent, held_out, parts is not None, rotate, decoupled_decay, group, world
        )
        whole = isinstance(target, nn.Module)
        optimizer = None if whole else outermost(target)
        if optimizer is None:
            check_trained(target if whole else None)
        else:
            optimizer_parameters(optimizer)
        self._made = run is not None and not isinstance(run, RunFolder)
        self._run = run_of(run, settings)
        self._following = Following(
            settings,
            target if whole else model,
            optimizer,
            parts=parts,
            weight=SafeWeight() if weight == "safe" else weight if isinstance(weight, SafeWeight) else float(weight),
            run=self._run,
            start=start,
            on_row=on_row,
            before=rows_before(self._run, start),
        )

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows that are finished, in the order they were written."""
        return self._following.rows

    @property
    def due(self) -> bool:
        """Whether the next step is logged."""
        return self._following.due

    @property
    def weight(self) -> float:
        """Weight of the down part to sum the parts with."""
        return self._following.weight

    def take(self, parts: Parts, *, scale: float = 1.0, loss_scale: float = 1.0) -> None:
        """Take the gradients of the parts apart, if the next step is logged. Call before `backward`.

        Gradients of micro-batches add up; a call while no parameter has a gradient starts over.

        Args:
            parts: The parts, with their graph.
            scale: What the loss is multiplied by before its `backward`: 1/micro-batches.
            loss_scale: Factor against underflow in float16, divided out again.
        """
        self._following.take(parts, scale=scale, loss_scale=loss_scale)

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
        self._following.half()

    def micro_batch(self) -> None:
        """Say that the backward pass of one micro-batch is done, before gradients are clipped.

        Of eight or more the spread says by itself whether the step before went down the loss (`lagged`). It costs a
        dot product while a row waits for this batch, and nothing otherwise.
        """
        self._following.micro_batch()

    def close(self) -> None:
        """Write the row that waits for a next batch and take the hooks away; nothing but the rows is kept.

        Describes the page of a run made here, and gives its folder up.
        """
        self._following.close()
        if self._run is not None and self._made:
            if any(not row["skipped"] for row in self.rows):
                write_certificate_page(self._run)
            self._run.release()

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run has to know: the number of the next step, and the safe weight.

        Returns:
            Plain numbers.
        """
        return self._following.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where another watch was.

        Args:
            state: What its `state_dict` returned.
        """
        self._following.load_state_dict(state)

    def save_waiting(self, path: Path | str) -> None:
        """Write the row that waits for the next batch beside a checkpoint, in one process; nothing if none waits.

        Args:
            path: A safetensors file: the move of the last step, as large as the parameters.
        """
        self._following.save_waiting(Path(path))

    def load_waiting(self, path: Path | str) -> None:
        """Let the row wait again that `save_waiting` wrote, so that a resumed run completes it; nothing if none did.

        Args:
            path: The file.
        """
        self._following.load_waiting(Path(path))

    def _repr_html_(self) -> str:
        if not self.rows:
            return figures_table("Watch: no step certified yet", {})
        last = self.rows[-1]
        figures = {name: last.get(name) for name in ("cos", "kappa", "drop_predicted", "drop_measured", "down_weight")}
        figures["cos on the step's own batch"] = (last.get("in_batch") or {}).get("cos")
        figures |= {f"effect on {part}": effect for part, effect in (last.get("effect") or {}).items()}
        figures = {name: figure for name, figure in figures.items() if figure is not None}
        return figures_table(f"Watch: {len(self.rows)} certified steps, the last is step {last['step']}", figures)

    def __enter__(self) -> Watch:
        """Return the watch; leaving the block closes it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the watch, also after an exception."""
        self.close()
