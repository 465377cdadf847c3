"""Evaluations on the side that leave a training as it was: random streams, weights, buffers, gradients, counters."""

from __future__ import annotations

import random
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from antigrad.geometry.watch.watched import is_sharded, local


@contextmanager
def undisturbed(model: nn.Module | None, parameters: Sequence[nn.Parameter]) -> Generator[None]:
    """Leave all of a training as it was, whatever runs inside.

    Random streams of torch, numpy and Python; gradients; parameters, frozen ones too, and buffers that a forward
    moves (running means, averaged copies); plain numbers that modules count in. What can't be put back are things
    outside of them: the place of an iterator, a log of your own.

    Args:
        model: All of whose state is put back; None if it is not known.
        parameters: Whose values and gradients are put back, with those of the model.

    Yields:
        Nothing; evaluate inside.
    """
    others = [] if model is None else list(model.parameters())
    every = list(dict.fromkeys([*parameters, *others]))
    gradients = [(parameter, parameter.grad) for parameter in every]
    # Gradients that share one buffer (views into the buckets of a reduction) would be written over.
    shared = [(grad, grad.clone()) for _, grad in gradients if grad is not None and _shares_memory(grad)]
    devices = sorted({p.device.index or 0 for p in every if p.device.type == "cuda"})
    streams = random.getstate(), np.random.get_state()  # whoever uses the global one is kept whole
    with torch.random.fork_rng(devices=devices), torch.enable_grad(), _kept(model, every):
        try:
            for parameter, _ in gradients:
                parameter.grad = None
            yield
        finally:
            random.setstate(streams[0])
            np.random.set_state(streams[1])
            with torch.no_grad():
                for gradient, saved in shared:
                    gradient.copy_(saved)
            for parameter, gradient in gradients:
                parameter.grad = gradient


@contextmanager
def _kept(model: nn.Module | None, parameters: Sequence[nn.Parameter]) -> Generator[None]:
    """Put parameters, buffers and the numbers of modules back.

    Args:
        model: The model.
        parameters: Its parameters, and others.

    Yields:
        Nothing.
    """
    modules = [] if model is None else list(model.modules())
    # Batch normalisation does not say that it writes to its buffers: those are copied whatever happens.
    buffers = [] if model is None else [(buffer, buffer.detach().clone()) for buffer in model.buffers()]
    aliases = [(tensor, tensor.detach()) for tensor in parameters]  # Of the memory they have now: `.data =` swaps it.
    attributes = [(module, _plain(module), dict(module.named_buffers(recurse=False))) for module in modules]
    writes = _CopyBeforeWrite([local(tensor) for tensor in parameters])
    try:
        with writes:
            yield
    finally:
        with torch.no_grad():
            for module, plain, own in attributes:
                vars(module).update(plain)
                for name, buffer in own.items():  # A forward may have put another tensor in its place.
                    setattr(module, name, buffer)
            for tensor, alias in aliases:
                if not is_sharded(tensor) and tensor.data_ptr() != alias.data_ptr():
                    tensor.data = alias
            for buffer, saved in buffers:
                buffer.copy_(saved)
            writes.undo()


def _plain(module: nn.Module) -> dict[str, Any]:
    plain = (bool, int, float, str, type(None))
    return {name: value for name, value in vars(module).items() if isinstance(value, plain)}


class _CopyBeforeWrite(TorchDispatchMode):
    """Copies a tensor when it is about to be written to: nothing is copied of a model that leaves itself alone."""

    def __init__(self, tensors: Sequence[Tensor]) -> None:
        super().__init__()
        self._whole: dict[int, list[Tensor]] = {}
        self._saved: dict[int, list[Tensor]] = {}
        for tensor in tensors:
            if tensor.numel():
                self._whole.setdefault(_place(tensor), []).append(tensor)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        named = kwargs or {}
        if func._schema.is_mutable:
            for place, argument in enumerate(func._schema.arguments):
                if argument.alias_info is not None and argument.alias_info.is_write:
                    given = args[place] if place < len(args) else named.get(argument.name)
                    for tensor in _tensors(given):
                        self._save(tensor)
        return func(*args, **named)

    def _save(self, tensor: Tensor) -> None:
        place = _place(local(tensor))
        if place in self._whole and place not in self._saved:
            self._saved[place] = [one.clone() for one in self._whole[place]]

    def undo(self) -> None:
        for place, copies in self._saved.items():
            for tensor, saved in zip(self._whole[place], copies, strict=True):
                tensor.copy_(saved)


def _place(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def _tensors(given: Any) -> Iterator[Tensor]:
    if isinstance(given, Tensor):
        yield given
    elif isinstance(given, list | tuple):
        for one in given:
            yield from _tensors(one)


def _shares_memory(gradient: Tensor) -> bool:
    if gradient.is_sparse or is_sharded(gradient):
        return False
    return gradient.untyped_storage().nbytes() > gradient.numel() * gradient.element_size()
