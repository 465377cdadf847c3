"""Named studies: one YAML of settings, one function that computes, figures and a verdict from the numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

import yaml

from antigrad.core.errors import InputTypeError, InputValueError, did_you_mean, raise_all
from antigrad.core.page import Section
from antigrad.core.yaml_text import load_yaml
from antigrad.lab.changes import changed, misfits, shifted
from antigrad.lab.evidence import Comparison, Finding, figures, finding, in_words, read, table
from antigrad.lab.own import attribute

_PACKAGE = "antigrad.lab.studies"
_TEXTS = ("title", "asks", "paper", "sentence", "tier", "caveat")


OWN = "your own"
"""Instead of a paper: a claim that the user made."""


@dataclass(frozen=True)
class Study:
    """What a YAML file says.

    Args:
        name: Its own name.
        code: `module:function` that computes it: settings in, `Result` out.
        title: Heading.
        asks: The question, one sentence.
        paper: Where the claim is made.
        sentence: The claim in our words: of some papers only reviews, figures or a project page were at hand.
        tier: Mean-field, sampled, dataset, or which of them.
        caveat: What the study can't say.
        settings: Numbers of the fast setting.
        full: What differs in the full setting.
    """

    name: str
    code: str
    title: str
    asks: str
    paper: str
    sentence: str
    tier: str
    caveat: str
    settings: dict[str, Any]
    full: dict[str, Any] = field(default_factory=dict[str, Any])

    def resolved(self, *, full: bool, seed: int = 0) -> dict[str, Any]:
        """Settings of a run.

        Args:
            full: Whether the full setting is wanted.
            seed: Added to every seed.

        Returns:
            Name and value.
        """
        return shifted(self.settings | (self.full if full else {}), seed)

    def misfits(self, own: Mapping[str, Any]) -> list[str]:
        """Look for what can't take the place of settings: unknown names, and words where numbers are.

        Args:
            own: Settings that are to be different.

        Returns:
            One problem each.
        """
        return misfits(own, self.settings, "settings")

    def changed(self, own: Mapping[str, Any]) -> Study:
        """Change some settings, inside of mappings too, fast and full alike.

        Args:
            own: Settings that are to be different.

        Returns:
            The study with them.
        """
        fast, full = (changed(settings, own) for settings in (self.settings, self.settings | self.full))
        return replace(self, settings=fast, full=full)

    @property
    def trains(self) -> bool:
        """Whether it trains networks; such studies share what they train."""
        return "trained" in self.tier


@dataclass(frozen=True)
class Result:
    """What a study found.

    Args:
        finding: Whether the numbers agree with the paper's sentence.
        says: What the numbers say, in sentences made of them.
        numbers: Name and figure, flat.
        sections: Figures and tables.
    """

    finding: Finding
    says: str
    numbers: dict[str, float | int | None]
    sections: Sequence[Section]


def names() -> list[str]:
    """Names of all studies.

    Returns:
        Sorted.
    """
    found = [item.name.removesuffix(".yaml") for item in files(_PACKAGE).iterdir() if item.name.endswith(".yaml")]
    return sorted(found)


def load(which: str) -> Study:
    """Read a study by its name, or from a YAML file of your own.

    Args:
        which: A name, or the path of a file that names one under `study` and changes some of its settings, or names a
            function of your own, `study: my_module:run`, and gives it settings.

    Returns:
        The study.

    Raises:
        InputValueError: There is no such study, or the file can't be read.
    """
    if which.endswith((".yaml", ".yml")):
        return _own(Path(which))
    if which not in names():
        raise InputValueError(f"study {which!r}", "one of the studies, or a YAML file", did_you_mean(which, names()))
    text = (files(_PACKAGE) / f"{which}.yaml").read_text(encoding="utf-8")
    content = yaml.safe_load(text)
    texts = {key: " ".join(str(content[key]).split()) for key in _TEXTS}
    full = dict(content.get("full") or {})
    return Study(which, f"{_PACKAGE}.{which}:run", **texts, settings=dict(content["settings"]), full=full)


def _own(path: Path) -> Study:
    try:
        content = load_yaml(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise InputValueError(f"{path}: {error}", "a YAML file of a study", "see `antigrad lab list`") from error
    if not isinstance(content, dict) or "study" not in content:
        raise InputValueError(f"{path}", "a mapping with `study: NAME`", f"known: {', '.join(names())}")
    given = cast(dict[str, Any], content)
    written = ":" in str(given["study"])
    known = {*_TEXTS, "study", "settings", *(["full"] if written else [])}
    problems = [f"unknown key {key}: {did_you_mean(str(key), known)}" for key in given if key not in known]
    mappings = [key for key in ("settings", "full") if not isinstance(given.get(key) or {}, dict)]
    problems += [f"{key} {given[key]!r}: a mapping" for key in mappings]
    own = given.get("settings") or {}
    base = None if written else load(str(given["study"]))
    raise_all(str(path), problems + (base.misfits(own) if base and not mappings else []))
    if base is None:
        return _written(path.stem, given)
    texts = {key: str(given.get(key, getattr(base, key))) for key in _TEXTS}
    return replace(base.changed(own), name=path.stem, **texts)


def _written(name: str, given: Mapping[str, Any]) -> Study:
    # A study of your own: what is not said of it has a word that says so.
    attribute(str(given["study"]))
    texts = {"title": name, "asks": "What comes out?", "paper": OWN, "tier": "see the figures"}
    texts |= {"sentence": "none is stated.", "caveat": "It holds for these settings."}
    texts |= {key: " ".join(str(given[key]).split()) for key in _TEXTS if key in given}
    settings, full = (dict(given.get(key) or {}) for key in ("settings", "full"))
    return Study(name, str(given["study"]), **texts, settings=settings, full=full)


def run_study(study: Study, *, full: bool = False, seed: int = 0) -> Result:
    """Compute a study.

    Args:
        study: What to compute.
        full: With the full setting: more seeds and steps.
        seed: Added to every seed.

    Returns:
        What was found.

    Raises:
        InputTypeError: A function of your own returned something else.
    """
    result = attribute(study.code)(study.resolved(full=full, seed=seed))
    if not isinstance(result, Result):
        given = f"{study.code} returned {type(result).__name__}"
        raise InputTypeError(given, "an antigrad.lab.study.Result", "make one with antigrad.lab.study.settle")
    return result


def settle(
    comparisons: Sequence[Comparison],
    says: str,
    numbers: Mapping[str, float | int | None],
    sections: Sequence[Section],
    *,
    ready: bool = True,
) -> Result:
    """Make a result whose finding is what all its comparisons come to.

    Args:
        comparisons: Every one that the sentence covers, at equal steps and at equal reward.
        says: What the numbers say, in sentences.
        numbers: Name and figure.
        sections: Figures and tables.
        ready: Whether the sentence applies at all: without an exploration stage nothing is prolonged towards it.

    Returns:
        The result; its sentences end with what speaks for the sentence and what against it.
    """
    readings = read(comparisons)
    text = f"{says} {in_words(readings)}"
    shown = [*sections, table(readings)]
    return Result(finding(readings) if ready else "open", text, {**numbers, **figures(readings)}, shown)


def claim_of(study: Study) -> str:
    """Whose claim it is, and the claim.

    Args:
        study: The claim.

    Returns:
        What a verdict in words begins with.
    """
    whose = "Your claim" if study.paper == OWN else f"{study.paper}, in our words"
    return f"{whose}: {study.sentence} "


def verdict(study: Study, result: Result) -> str:
    """One paragraph: the paper's sentence, whether the numbers agree, what they are, what they can't say.

    Args:
        study: The claim.
        result: The numbers in words.

    Returns:
        The paragraph.
    """
    word = {"agrees": "Agrees.", "disagrees": "Does not agree.", "mixed": "Agrees in part.", "open": "Not settled."}[
        result.finding
    ]
    return f"{claim_of(study)}{word} {result.says} Tier: {study.tier}. {study.caveat}"


def missing(*figures: float | None) -> bool:
    """Whether a comparison can't be made: one of its figures was not reached, or is no number.

    Args:
        *figures: What is to be compared.

    Returns:
        True if one of them is None, NaN or infinite.
    """
    return any(figure is None or not math.isfinite(figure) for figure in figures)


def within(places: Sequence[int], last: int) -> list[int]:
    """Steps to be looked at that there are.

    Args:
        places: Steps asked for.
        last: The last step, always one of them.

    Returns:
        Rising steps.

    Example:
        >>> within([0, 10, 500], 100)
        [0, 10, 100]
    """
    return sorted({place for place in places if place < last} | {last})


def up_to(places: Sequence[int], last: int) -> list[int]:
    """Steps to be compared at that there are, or else the last.

    Args:
        places: Steps asked for.
        last: The last step.

    Returns:
        Those up to it.

    Example:
        >>> up_to([50, 100], 60), up_to([100], 60)
        ([50], [60])
    """
    return [place for place in places if place <= last] or [last]


def told(figure: float | None, form: str = ".3f", word: str = "") -> str:
    """A figure in a sentence.

    Args:
        figure: The figure.
        form: Its format.
        word: What goes before it if it is there.

    Returns:
        The figure in words, or that it was not reached.

    Example:
        >>> told(0.12345), told(None), told(7, "d", "step ")
        ('0.123', 'not reached', 'step 7')
    """
    return "not reached" if figure is None or not math.isfinite(figure) else f"{word}{figure:{form}}"


def counted(number: int, word: str = "seed") -> str:
    """A number and a word for what is counted.

    Args:
        number: How many.
        word: What, in the singular.

    Returns:
        Both, with an s for several.

    Example:
        >>> counted(1), counted(5)
        ('1 seed', '5 seeds')
    """
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
