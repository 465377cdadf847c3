"""PEFT adapters: a folder with a low-rank change of a model, merged into the weights it was trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from antigrad.core.errors import AntigradError
from antigrad.language.policy import Policy, load_any
from antigrad.language.quiet import quiet


def is_adapter(folder: Path) -> bool:
    """Tell an adapter from a whole model.

    Args:
        folder: What a model was named by.

    Returns:
        True if it holds an adapter and no model.
    """
    return (folder / "adapter_config.json").is_file() and not (folder / "config.json").is_file()


def load_checkpoint(name: str, base: str | None, **options: Any) -> Policy:
    """Load a whole model, or an adapter merged into its base.

    Args:
        name: As for `load_policy`, or the folder of an adapter.
        base: The model that an adapter was trained on; not needed for a whole model.
        options: As for `load_any`.

    Returns:
        The policy, with the tokenizer of its own folder, or of the base for an adapter.

    Raises:
        AntigradError: The model or the adapter can't be read, or an adapter has no base.
    """
    if not is_adapter(Path(name)):
        return load_any(name, **options)
    if base is None:
        raise AntigradError(f"{name} is an adapter without its model", "the model", "name it with --base")
    whole = load_any(base, **options)
    return Policy(with_adapter(whole.model, Path(name), of=repr(base)), whole.tokenizer, name)


def with_adapter(model: Any, folder: Path, *, of: str) -> Any:
    """Put an adapter into the weights of a model.

    Args:
        model: The model it was trained on.
        folder: The adapter, in safetensors.
        of: That model in the words of an error.

    Returns:
        The model, with the weights it computes with.

    Raises:
        AntigradError: The package peft is missing, or the adapter is no adapter of this model.
    """
    if not (folder / "adapter_model.safetensors").is_file():
        raise AntigradError(
            f"{folder} without adapter_model.safetensors", "an adapter in safetensors", "save it again in that format"
        )
    try:
        from peft import PeftModel
    except ImportError as error:
        raise AntigradError(
            f"{folder} is an adapter, and the package peft is missing", "peft", "pip install peft, or merge the adapter"
        ) from error
    try:
        with quiet():
            adapted = cast(Any, PeftModel).from_pretrained(model, folder)
            return adapted.merge_and_unload().eval()
    except Exception as error:  # peft raises whatever the broken file raised
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise AntigradError(f"{folder}: {reason}", f"an adapter of {of}", "check both names") from error
