"""What transformers reads from a folder or the hub, with its refusals in words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import torch

from antigrad.core.errors import AntigradError, InputValueError, did_you_mean
from antigrad.core.files import is_folder, is_there
from antigrad.language.embedded import EMBEDDED
from antigrad.language.quiet import quiet


def read_tokenizer(name: str, *, trust_remote_code: bool) -> Any:
    """Read a tokenizer.

    Args:
        name: An embedded model, a folder or a hub name.
        trust_remote_code: Run code that comes with it.

    Returns:
        The tokenizer.
    """
    from transformers import AutoTokenizer

    def read(source: str) -> Any:
        tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=trust_remote_code)
        tokenizer.decode(tokenizer("1 + 1")["input_ids"])  # some settings fail only when it is used
        return tokenizer

    return _read(name, read, "a folder with a tokenizer")


def read_model(name: str, *, dtype: torch.dtype, trust_remote_code: bool) -> Any:
    """Read a causal language model; an adapter beside it is left out.

    Args:
        name: An embedded model, a folder or a hub name.
        dtype: Of the weights.
        trust_remote_code: Run code that comes with it.

    Returns:
        The model, on the CPU.

    Raises:
        InputValueError: Weights are missing, or the hub has an adapter under that name.
    """
    from transformers import AutoModelForCausalLM

    # transformers would put an adapter into a model that it finds beside it, unmerged and frozen: it looks elsewhere.
    elsewhere = {"adapter_kwargs": {"subfolder": "no adapter"}} if is_folder(name) else {}

    def read(source: str) -> Any:
        common = {"dtype": dtype, "use_safetensors": True, "output_loading_info": True}
        loader = cast(Any, AutoModelForCausalLM)
        return loader.from_pretrained(source, trust_remote_code=trust_remote_code, **common, **elsewhere)

    model, found = _read(name, read, "a folder with safetensors")
    if found["missing_keys"]:  # transformers only warns, and draws them at random
        given = f"model {name!r} without {', '.join(sorted(found['missing_keys'])[:3])}"
        raise InputValueError(given, "all weights of its architecture", "use a complete copy")
    if getattr(model, "_hf_peft_config_loaded", False):
        raise InputValueError(f"{name!r} is an adapter", "a folder with it", "download it, and name the folder")
    return model


def _read(name: str, read: Callable[[str], Any], wanted: str) -> Any:
    """Read, and say what is wrong.

    Args:
        name: As it was given.
        read: Reads from a folder or a hub name.
        wanted: What a folder should hold.

    Returns:
        What was read.

    Raises:
        AntigradError: It can't be read.
    """
    try:
        with quiet():
            if name in EMBEDDED:
                return read(str(EMBEDDED[name]()))
            # An adapter trained on it records this path, and is read from elsewhere.
            return read(str(Path(name).resolve()) if is_folder(name) else name)
    except Exception as error:  # transformers raises whatever the broken file raised
        place = "folder" if is_folder(name) else "file" if is_there(name) else "no such folder"
        # Of a path that is not there, a library says that it is no name on the hub.
        reason = "" if place == "no such folder" and Path(name).is_absolute() else f": {reason_of(error)}"
        expected = f"an embedded model ({', '.join(EMBEDDED)}), {wanted}, or a hub name"
        hint = f"check the name or path; {did_you_mean(name, EMBEDDED)}"
        if place == "folder":
            hint = "check the files in it"
        raise AntigradError(f"model {name!r} ({place}){reason}", expected, hint) from error


def reason_of(error: Exception) -> str:
    """Shorten what a library raised.

    Args:
        error: The error.

    Returns:
        Its first line, or its first ones where that only announces them.

    Example:
        >>> reason_of(ValueError("no such file")), reason_of(KeyError())
        ('no such file', 'KeyError')
    """
    lines = [line.strip() for line in str(error).strip().splitlines()] or [type(error).__name__]
    return " ".join(lines[:4] if lines[0].endswith(":") else lines[:1])
