"""`antigrad explain`: pictures in; maps, overlays, figures and a page out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from safetensors.torch import save

from antigrad.attribution.explain.page import describe, gallery_entry, refused_of, summary_of
from antigrad.attribution.explain.picture import Explained, explain_picture
from antigrad.attribution.explain.settings import COMPARED, ExplainConfig
from antigrad.attribution.overlay import overlay, png
from antigrad.core.errors import AntigradError, InputValueError, raise_all
from antigrad.core.files import write_atomic
from antigrad.core.runs import RunFolder
from antigrad.core.spread import Piece, spread
from antigrad.vision.classifier import Classifier
from antigrad.vision.images import Picture
from antigrad.vision.models import load_classifier


def explain(config: ExplainConfig) -> RunFolder:
    """Explain the decisions of an image classifier on pictures.

    Args:
        config: See `ExplainConfig`.

    Returns:
        The run: a ledger with one row per picture; `artifacts/maps/*.safetensors`, `artifacts/overlays/*/*.png`, the
        page and the summary.

    Raises:
        AntigradError: The settings, the model or the output folder are not usable, or no picture could be read.
        InputValueError: The model has no such class.
    """
    pictures = config.check()
    settings = asdict(config) | {"images": [str(Path(source).resolve()) for source in config.images]}
    free = ("output", "resume", "engine", "workers", "address")
    classifier = load_classifier(config.model, device=config.device)
    classes = len(classifier.labels)
    if classes and config.target.isdigit() and int(config.target) >= classes:
        raise InputValueError(f"target {config.target} of {config.model}", f"0 to {classes - 1}", "choose another")
    _check_one(pictures)
    unfit = _unfit(config, classifier)
    run = RunFolder.start(config.output, job="explain", config=settings, resume=config.resume, free=free)
    with run.refusals():
        _explain(config, run, classifier, pictures, unfit)
    return run


def _explain(
    config: ExplainConfig,
    run: RunFolder,
    classifier: Classifier,
    pictures: Sequence[Picture],
    unfit: Mapping[str, str],
) -> None:
    if not run.ledger.rows("left out"):
        run.ledger.extend({"kind": "left out", "method": name, "reason": reason} for name, reason in unfit.items())
    config = replace(config, methods=[name for name in config.methods if name not in unfit])
    # What was refused may have been fixed.
    done = {row["place"]: row["image"] for row in run.ledger.stream("image")}
    moved = [name for place, name in done.items() if place >= len(pictures) or pictures[place].name != name]
    if moved:
        raise AntigradError(
            f"{run.path}: {moved[0]} is not where it was when the run began ({len(moved)} such pictures)",
            "the same pictures",
            "start a new run in another --output",
        )
    pieces = [Piece(place, (place, picture), picture.name) for place, picture in enumerate(pictures)]
    results = spread(
        partial(_one, config), pieces, where=config.where, title="pictures",
        prepare=partial(load_classifier, config.model, device=config.device), prepared=classifier, done=done,
        own_threads=True,
    )  # fmt: skip
    for piece, found in results:
        place, picture = piece.given
        if isinstance(found, AntigradError):
            run.ledger.append({"kind": "refused", "place": place, "image": picture.name, "reason": str(found)})
        else:
            _keep(run, config, classifier, found, picture, place)
    if next(run.ledger.stream("image"), None) is None:
        raise_all("pictures", [row["reason"] for row in refused_of(run)])
    describe(run, config)
    run.write_summary(summary_of(run, config))


def _one(config: ExplainConfig, classifier: Classifier, given: tuple[int, Picture]) -> Explained:
    place, picture = given
    return explain_picture(config, classifier, picture, place)


def _unfit(config: ExplainConfig, classifier: Classifier) -> dict[str, str]:
    # Of the nine that nobody asked for by name those that do not apply are left out; a wish is not.
    problems = {name: method.problem_with(classifier) for name, method in config.made_methods().items()}
    found = {name: problem for name, problem in problems.items() if problem is not None}
    if tuple(config.methods) != COMPARED or len(found) == len(config.methods):
        raise_all("methods", [f"{problem}; leave {name} out" for name, problem in found.items()])
    return found


def stem_of(place: int, name: str) -> str:
    """Name of a picture's files, whatever its own name is.

    Args:
        place: Its number.
        name: Its name.

    Returns:
        Letters, digits, `-`, `_` and dots, never a way out of a folder.

    Example:
        >>> stem_of(3, "../my photo.jpg")
        '00003-my-photo'
    """
    plain = "".join(sign if sign.isalnum() and sign.isascii() else "-" for sign in Path(name).stem)
    return f"{place:05d}-{plain.strip('-')[:60]}"


def _keep(
    run: RunFolder, config: ExplainConfig, classifier: Classifier, found: Explained, picture: Picture, place: int
) -> None:
    # Files first, the row last: a row says that all of them are there.
    stem = stem_of(place, picture.name)
    if config.save_maps:
        tensors = {name: one.contiguous() for name, one in found.maps.items()}
        tensors |= {f"{name} signed": one.contiguous() for name, one in found.signed.items()}
        facts = {"image": picture.name, "target": str(found.target), "model": config.model}
        write_atomic(run.artifact(f"maps/{stem}.safetensors"), save(tensors, facts))
    for number, name in enumerate(found.maps):
        shown = found.signed.get(name, found.maps[name])
        file = f"overlays/{stem}/{number:02d}-{stem_of(number, name)[6:]}.png"
        write_atomic(run.artifact(file), png(overlay(found.image, shown)))
    row: dict[str, Any] = found.row(place, picture, list(classifier.labels))
    if place < config.shown:
        run.write_json(f"gallery/{place:05d}.json", asdict(gallery_entry(classifier, found, row)))
    run.ledger.append(row)


def _check_one(pictures: Sequence[Picture]) -> None:
    # If no picture can be decoded, no run is left behind; of several, those that can't are reported in the run.
    problems: list[str] = []
    for picture in pictures:
        try:
            picture.open()
        except AntigradError as error:
            problems.append(str(error))
        else:
            return
    raise_all("pictures", problems)
