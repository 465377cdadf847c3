"""Loss and gradient of a part over many rows; gradients kept on disk, so that none has to fit beside the models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from antigrad.core.checkpoints import digest
from antigrad.core.errors import AntigradError, InputValueError
from antigrad.core.files import disk_errors
from antigrad.core.locks import PARTIAL
from antigrad.core.progress import Task
from antigrad.posttraining.certify.data import Tokens

SIGNS = {"up": 1.0, "down": -1.0, "anchor": 1.0}
"""Sign of −log π in the loss of each part: minimising the down part lowers its likelihood."""


def scored(rows: Sequence[Tokens]) -> int:
    """Count the tokens that are scored.

    Args:
        rows: Rows in tokens.

    Returns:
        The count.
    """
    return sum(len(row.ids) - row.start for row in rows)


def part_loss(
    model: Any,
    rows: Sequence[Tokens],
    sign: float,
    *,
    rows_at_once: int,
    bar: Task,
    backward: bool = False,
    each: list[float] | None = None,
) -> float:
    r"""Loss of a part, and its gradient into the model if wanted.

    $$\mathcal L_a=-\frac{\sigma_a}{\sum_r|y_r|}\sum_r\sum_t\ln\pi_\theta(y_{r,t}\mid x_r,y_{r,<t}),\qquad
    \sigma_{up}=\sigma_{anchor}=1,\ \sigma_{down}=-1$$

    Args:
        model: The model; no dropout.
        rows: Rows x_r, y_r in tokens.
        sign: σ of the part.
        rows_at_once: Rows per forward and backward pass; rows of like length run together.
        bar: Advances with each pass.
        backward: Add the gradient to the parameters' `grad`.
        each: Takes the loss of each row, summed over its tokens, in the order of `batches`.

    Returns:
        The loss in nats per token.

    Raises:
        InputValueError: It is NaN or infinite.

    Sign: minimising it raises log π of the rows of up and anchor, and lowers that of down.

    Source: the negative log-likelihood a token of supervised fine-tuning, and its negative (gradient
        ascent, as in unlearning).

    Deviations: none.
    """
    device, count, total = next(model.parameters()).device, scored(rows), 0.0
    for batch in batches(rows, rows_at_once):
        with torch.set_grad_enabled(backward):
            own = sign * row_losses(model, batch, device)
            loss = own.sum() / count
        if each is not None:
            each.extend(own.detach().tolist())
        if backward:
            loss.backward()
        total += float(loss.detach())
        bar.advance()
    if not torch.isfinite(torch.tensor(total)):
        raise InputValueError(f"a loss of {total}", "a finite one", "check the weights, or use float32")
    return total


def batches(rows: Sequence[Tokens], rows_at_once: int) -> list[list[Tokens]]:
    """Put rows of like length together.

    Args:
        rows: Rows in tokens.
        rows_at_once: How many a batch at most.

    Returns:
        The batches.
    """
    ordered = sorted(rows, key=lambda row: len(row.ids))
    return [ordered[start : start + rows_at_once] for start in range(0, len(ordered), rows_at_once)]


def gradient_of(
    model: Any, rows: Sequence[Tokens], sign: float, *, rows_at_once: int, bar: Task, each: list[float] | None = None
) -> tuple[float, dict[str, Tensor]]:
    """Loss of a part, and its gradient in float32 at least, whatever the model computes in.

    Args:
        model: The model.
        rows: Rows in tokens.
        sign: See `SIGNS`.
        rows_at_once: Rows per forward and backward pass.
        bar: Advances with each pass.
        each: Takes the loss of each row, see `part_loss`.

    Returns:
        The loss, and the gradient of each parameter on the CPU.
    """
    parameters: dict[str, nn.Parameter] = dict(model.named_parameters())
    wide = {name: torch.promote_types(one.dtype, torch.float32) for name, one in parameters.items()}
    total, loss, count = dict[str, Tensor](), 0.0, scored(rows)
    # Half precision would lose the small gradients of later batches: the sum over batches is taken here.
    for batch in batches(rows, rows_at_once):
        model.zero_grad()
        share = scored(batch) / count
        common: Any = {"rows_at_once": rows_at_once, "bar": bar, "each": each}
        loss += share * part_loss(model, batch, sign, backward=True, **common)
        for name, parameter in parameters.items():
            if parameter.grad is not None:
                piece = share * parameter.grad.to(device="cpu", dtype=wide[name])
                total[name] = total[name].add_(piece) if name in total else piece
    model.zero_grad()
    zeros = {name: torch.zeros(one.shape, dtype=wide[name]) for name, one in parameters.items() if name not in total}
    return loss, total | zeros


def save_gradient(path: Path, gradient: Mapping[str, Tensor]) -> str:
    """Write a gradient as safetensors, whole or not at all.

    Args:
        path: The file.
        gradient: Name and tensor.

    Returns:
        SHA-256 of the file.

    Raises:
        AntigradError: The disk is full, or the path can't be written.
    """
    part = path.with_name(f".{path.name}{PARTIAL}")
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            save_file(dict(gradient), part)
            sha256 = digest(part, sync=True)
            part.replace(path)
        except SafetensorError as error:
            hint = "free some space, then run again with --resume"
            raise AntigradError(f"{path}: {error}", "a disk with room for the gradients", hint) from error
        finally:
            part.unlink(missing_ok=True)
    return sha256


@dataclass(frozen=True)
class Halves:
    """The gradient of a part, as its two halves on disk.

    Args:
        files: The two files.
        tokens: How many tokens each half scored.
    """

    files: tuple[Path, Path]
    tokens: tuple[int, int]

    def whole(self, first: Tensor, second: Tensor) -> Tensor:
        """Gradient over all rows, from those of the halves.

        Args:
            first: ∇L of one half, a mean over its tokens.
            second: The same of the other.

        Returns:
            The mean over the tokens of both.
        """
        left, right = self.tokens
        return (left * first + right * second) / (left + right)


def streamed(
    parts: Mapping[str, Halves], names: Sequence[str]
) -> Iterator[tuple[str, dict[str, tuple[Tensor, Tensor]]]]:
    """Read the gradients back, one parameter at a time.

    Args:
        parts: Name of each part, and where its halves are.
        names: Parameters.

    Yields:
        Name of a parameter, and of each part the gradients of its two halves.

    Raises:
        InputValueError: A file is damaged.
    """
    with ExitStack() as stack:
        try:
            opened = {
                part: [stack.enter_context(cast(Any, safe_open)(file, "pt")) for file in halves.files]
                for part, halves in parts.items()
            }
            for name in names:
                yield name, {part: (one.get_tensor(name), two.get_tensor(name)) for part, (one, two) in opened.items()}
        except SafetensorError as error:
            files = [str(file) for halves in parts.values() for file in halves.files]
            raise InputValueError(
                f"damaged gradients in {Path(files[0]).parent}: {error}", "the files of this run", "start over"
            ) from error


def row_losses(model: Any, batch: Sequence[Tokens], device: torch.device) -> Tensor:
    r"""Negative log-likelihood of each row, summed over its scored tokens.

    Args:
        model: The model.
        batch: (B) rows in tokens.
        device: Where it is.

    Returns:
        (B,) −Σ ln π in nats.
    """
    width = max(len(row.ids) for row in batch)
    ids = torch.zeros(len(batch), width, dtype=torch.long)
    real, wanted = torch.zeros_like(ids), torch.zeros_like(ids, dtype=torch.bool)
    for place, row in enumerate(batch):
        ids[place, : len(row.ids)], real[place, : len(row.ids)] = torch.tensor(row.ids), 1
        wanted[place, row.start : len(row.ids)] = True
    ids, real, wanted = ids.to(device), real.to(device), wanted[:, 1:].to(device)
    logits = model(input_ids=ids, attention_mask=real, use_cache=False).logits[:, :-1][wanted]
    losses = cross_entropy(
        logits.to(torch.promote_types(logits.dtype, torch.float32)), ids[:, 1:][wanted], reduction="none"
    )
    return losses.new_zeros(len(batch)).index_add(0, wanted.nonzero()[:, 0], losses)
