"""PEFT adapters: found, put on the model they were trained on, and merged into its weights if that changes nothing."""

from __future__ import annotations

import json
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import safe_open
from torch import Tensor, nn

from antigrad.core.errors import AntigradError, InputValueError
from antigrad.core.files import UNREADABLE, is_file, is_there
from antigrad.language.embedded import EMBEDDED
from antigrad.language.quiet import quiet
from antigrad.language.reading import reason_of

_WEIGHTS = "adapter_model.safetensors"
_WHOLE = ("model.safetensors", "model.safetensors.index.json")
_PROBE = 32
"""Tokens that a merged model is compared on."""
_CLOSE = {torch.float32: 1e-3, torch.float64: 1e-6}
"""Largest change of a logit by merging, as a share of the largest one; half precision rounds more."""


@dataclass(frozen=True)
class Adapter:
    """A folder with an adapter.

    Args:
        folder: Where it is.
        recorded: The model that it says it was trained on; empty if it does not say.
        embedded: The folder holds that model too.
    """

    folder: Path
    recorded: str
    embedded: bool

    def base(self, fallback: str | None = None) -> str:
        """Name the model it was trained on.

        Args:
            fallback: What stands for the recorded one where that is not on this machine.

        Returns:
            A folder, an embedded model, or a name on the hub.

        Raises:
            AntigradError: It is not known, or not there.
        """
        if self.embedded:
            return str(self.folder)
        if self.recorded in EMBEDDED or (self.recorded and is_there(self.recorded)):
            return self.recorded
        on_hub = self.recorded.count("/") == 1 and not self.recorded.startswith((".", "/"))
        if fallback is not None and not (on_hub and _on_hub(fallback)):
            return fallback
        if on_hub:
            return self.recorded
        given = f"{self.folder} is an adapter of {self.recorded!r}, which is not there"
        hint = "put its path into adapter_config.json: base_model_name_or_path"
        raise AntigradError(given, "the model it was trained on", hint)


def adapter_of(name: str) -> Adapter | None:
    """Tell an adapter from a whole model.

    Args:
        name: What a model was named by.

    Returns:
        The adapter; None for whatever else it is.

    Raises:
        AntigradError: Its configuration can't be read.
    """
    folder = Path(name)
    path = folder / "adapter_config.json"
    if name in EMBEDDED or not is_file(path):
        return None
    whole = is_file(folder / "config.json") and any(is_file(folder / one) for one in _WHOLE)
    if whole and not any(is_file(folder / one) for one in (_WEIGHTS, "adapter_model.bin")):
        return None  # a merged model with a configuration left over
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        recorded, imports = config.get("base_model_name_or_path"), config.get("megatron_config")
    except UNREADABLE as error:
        raise AntigradError(f"{path}: {error}", "a configuration of PEFT", "save the adapter again") from error
    if imports:  # PEFT would import the module that `megatron_core` names
        raise AntigradError(f"{path} with megatron_config", "an adapter that imports nothing", "save it without")
    return Adapter(folder, str(recorded or ""), whole)


def merged(model: Any, adapter: Adapter) -> Any:
    """Put an adapter into the weights of a model.

    A head that is tied to an adapted embedding gets weights of its own first: merging would move it too.

    Args:
        model: The model it was trained on; it changes.
        adapter: The adapter.

    Returns:
        The model, with the weights it computes with.

    Raises:
        AntigradError: The package peft is missing, the adapter is none of this model or can't be merged, or the merged
            model computes something else.
    """
    adapted = attached(model, adapter)
    with _explained(adapter, model):
        before = _logits(adapted, adapted)
        if _is_adapted(model.get_input_embeddings()) or _is_adapted(model.get_output_embeddings()):
            untie(model)
        out = adapted.merge_and_unload().eval().requires_grad_(True)
        after = _logits(out, out)
    largest, change = float(before.abs().max()), float((after - before).abs().max())
    if not change <= _CLOSE.get(next(out.parameters()).dtype, 0.1) * largest:
        given = f"{adapter.folder}, whose merging moves logits by up to {change:.3g} of {largest:.3g}"
        raise AntigradError(given, "an adapter that can be merged", "merge it yourself, and compare the logits")
    return out


def attached(model: Any, adapter: Adapter, *, trainable: bool = False) -> Any:
    """Put an adapter beside the weights of a model.

    Args:
        model: The model it was trained on.
        adapter: The adapter.
        trainable: It is to be trained on; the model itself is frozen either way.

    Returns:
        PEFT's model around it.

    Raises:
        AntigradError: The package peft is missing, or the adapter is none of this model.
    """
    folder = adapter.folder
    if not is_file(folder / _WEIGHTS):
        raise AntigradError(f"{folder} without {_WEIGHTS}", "an adapter in safetensors", "save it again in that format")
    try:
        from peft import PeftModel, get_peft_model_state_dict
    except ImportError as error:
        raise AntigradError(
            f"{folder} is an adapter, and the package peft is missing",
            "peft",
            "pip install 'antigrad[train]', or merge it",
        ) from error
    with _explained(adapter, model), quiet():
        out: Any = cast(Any, PeftModel).from_pretrained(model, folder, is_trainable=trainable)
        known = set(get_peft_model_state_dict(out, save_embedding_layers=False))
        with cast(Any, safe_open)(folder / _WEIGHTS, "pt") as file:
            saved = {name for name in file.keys() if not name.endswith("base_layer.weight")}  # noqa: SIM118
        # PEFT only warns of weights that are missing, and is silent about those that fit nowhere.
        if "lora" in str(out.active_peft_config.peft_type).lower():
            _refuse_others(known, {name for name in saved if ".lora_" in name} | (saved & known))
    return out


def _refuse_others(known: set[str], saved: set[str]) -> None:
    for names, what in ((known - saved, "it lacks"), (saved - known, "the model has no place for")):
        if names:
            raise ValueError(f"{what} {sorted(names)[0]} and {len(names) - 1} more")


def untie(model: Any) -> None:
    """Give a head that shares the embedding's weights its own.

    Args:
        model: A causal language model; one whose head is its own already stays as it is.
    """
    head, table = (
        getattr(one, "base_layer", getattr(one, "original_module", one))
        for one in (model.get_output_embeddings(), model.get_input_embeddings())
    )
    if head.weight is not table.weight:
        return
    head.weight = nn.Parameter(table.weight.detach().clone(), requires_grad=table.weight.requires_grad)
    for config in {id(one): one for one in (model.config, model.config.get_text_config())}.values():
        config.tie_word_embeddings = False


def computing(module: Any) -> Any:
    """Look into PEFT's wrapper of a module that is trained whole (`modules_to_save`).

    Args:
        module: A module of a model.

    Returns:
        The copy that is trained and computes; the module itself where it has no such wrapper.
    """
    copies = getattr(module, "modules_to_save", None)
    return copies[module.active_adapters[0]] if isinstance(copies, nn.ModuleDict) and len(copies) else module


def is_tied(model: Any) -> bool:
    """Say whether the head shares the embedding's weights.

    Args:
        model: A causal language model.

    Returns:
        True if it does.
    """
    head = model.get_output_embeddings()
    return head is not None and head.weight is model.get_input_embeddings().weight


def _is_adapted(module: Any) -> bool:
    return type(module).__module__.partition(".")[0] == "peft"


@torch.no_grad()
def _logits(model: Any, adapted: Any) -> Tensor:
    """Logits of tokens from all over the vocabulary, with those that have an adapter of their own.

    Args:
        model: The model.
        adapted: The same, for its vocabulary.

    Returns:
        (1, T, V).
    """
    table = adapted.get_input_embeddings().weight
    ids = torch.linspace(0, len(table) - 1, min(_PROBE, len(table))).round().long()
    longest = getattr(model.config.get_text_config(), "max_position_embeddings", None) or _PROBE
    return model(input_ids=ids[None, : min(_PROBE, longest)].to(table.device), use_cache=False).logits.double()


@contextmanager
def _explained(adapter: Adapter, model: Any) -> Generator[None]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what they say of ties and missing weights is checked here
            yield
    except AntigradError:
        raise
    except Exception as error:  # peft raises whatever the broken file raised
        name = getattr(model.config, "_name_or_path", "") or type(model).__name__
        raise InputValueError(
            f"{adapter.folder}: {reason_of(error)}", f"an adapter of {name}", "check both names"
        ) from error


def _on_hub(name: str) -> bool:
    return name not in EMBEDDED and not is_there(name)
