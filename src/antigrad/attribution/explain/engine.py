"""Where pictures are computed: in this process, or by Ray's workers. The figures do not depend on it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import torch

from antigrad.attribution.explain.picture import Explained, explain_picture
from antigrad.attribution.explain.settings import ExplainConfig
from antigrad.core.errors import AntigradError
from antigrad.vision.images import Picture
from antigrad.vision.models import Classifier, load_classifier

Task = tuple[int, Picture]
Done = tuple[int, Explained | AntigradError]
"""Place of a picture, and what was found or what is wrong with it."""


def explained(config: ExplainConfig, classifier: Classifier, tasks: list[Task]) -> Iterator[Done]:
    """Explain pictures, in any order.

    Args:
        config: Settings.
        classifier: The model of this process.
        tasks: Places and pictures.

    Yields:
        Place and result as each is done; a picture that can't be read gives its error, and the others go on.
    """
    if config.engine == "ray":
        yield from _by_ray(config, tasks)
        return
    for place, picture in tasks:
        yield place, _one(config, classifier, picture, place)


def _one(config: ExplainConfig, classifier: Classifier, picture: Picture, place: int) -> Explained | AntigradError:
    try:
        return explain_picture(config, classifier, picture, place)
    except AntigradError as error:
        return error


class _Worker:
    # Loads the model once, on one thread: workers beside each other are faster than threads within one.

    def __init__(self, config: ExplainConfig) -> None:
        torch.set_num_threads(1)
        self.config, self.classifier = config, load_classifier(config.model, device=config.device)

    def explain(self, place: int, picture: Picture) -> tuple[int, Explained | tuple[str, str, str]]:
        """Explain one picture.

        Args:
            place: Its number.
            picture: The picture.

        Returns:
            Place and result; an error as its texts.
        """
        found = _one(self.config, self.classifier, picture, place)
        return place, (found.given, found.expected, found.hint) if isinstance(found, AntigradError) else found


def _by_ray(config: ExplainConfig, tasks: list[Task]) -> Iterator[Done]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Ray's own deprecations.
        ray: Any = import_module("ray")
        pool_kind: Any = import_module("ray.util").ActorPool

    ours = not ray.is_initialized()
    if ours:
        ray.init(num_cpus=config.workers, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    try:
        graphics = {"num_gpus": 1} if config.device == "cuda" else {}
        kind = ray.remote(num_cpus=1, **graphics)(_Worker)
        pool = pool_kind([kind.remote(config) for _ in range(min(config.workers, len(tasks)))])
        for place, found in pool.map_unordered(lambda actor, task: actor.explain.remote(*task), tasks):
            yield place, AntigradError(*found) if isinstance(found, tuple) else found
    finally:
        if ours:
            ray.shutdown()
