"""Named studies: one YAML of settings, one function that computes, figures and a verdict from the numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, cast

import yaml

from antigrad.core.errors import InputValueError, did_you_mean, raise_all
from antigrad.core.page import Section

_PACKAGE = "antigrad.lab.studies"
_TEXTS = ("title", "asks", "paper", "sentence", "tier", "caveat")

Finding = Literal["agrees", "disagrees", "mixed", "open"]
"""`open`: figures that the comparison needs were not reached, or are no numbers."""


@dataclass(frozen=True)
class Study:
    """What a YAML file says.

    Args:
        name: Its own name.
        code: Name of the module of `antigrad.lab.studies` that computes it.
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
        return _shifted(self.settings | (self.full if full else {}), seed)

    def misfits(self, own: Mapping[str, Any]) -> list[str]:
        """Look for what can't take the place of settings: unknown names, and words where numbers are.

        Args:
            own: Settings that are to be different.

        Returns:
            One problem each.
        """
        return _misfits(own, self.settings, "settings")

    def changed(self, own: Mapping[str, Any]) -> Study:
        """Change some settings, inside of mappings too, fast and full alike.

        Args:
            own: Settings that are to be different.

        Returns:
            The study with them.
        """
        fast, full = (_changed(settings, own) for settings in (self.settings, self.settings | self.full))
        return replace(self, settings=fast, full=full)

    @property
    def trains(self) -> bool:
        """Whether it trains networks; such studies share what they train."""
        return "trained" in self.tier


def _shifted(settings: dict[str, Any], seed: int) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in settings.items():
        if key == "seed":
            out[key] = value + seed
        elif key == "seeds" and isinstance(value, list):
            out[key] = [one + seed for one in cast(list[int], value)]
        else:
            out[key] = _shifted(cast(dict[str, Any], value), seed) if isinstance(value, dict) else value
    return out


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
    """Read a study by its name, or from a YAML file of one's own.

    Args:
        which: A name, or the path of a file that names one under `study` and changes some of its settings.

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
    return _study(which, which, yaml.safe_load(text))


def _own(path: Path) -> Study:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputValueError(f"{path}: {error}", "a YAML file of a study", "see `antigrad lab list`") from error
    if not isinstance(content, dict) or "study" not in content:
        raise InputValueError(f"{path}", "a mapping with `study: NAME`", f"known: {', '.join(names())}")
    given = cast(dict[str, Any], content)
    base = load(str(given["study"]))
    known = {*_TEXTS, "study", "settings"}
    problems = [f"unknown key {key}: {did_you_mean(str(key), known)}" for key in given if key not in known]
    own = given.get("settings") or {}
    raise_all(str(path), problems + base.misfits(own))
    texts = {key: str(given.get(key, getattr(base, key))) for key in _TEXTS}
    return replace(base.changed(own), name=path.stem, **texts)


def _misfits(own: Any, base: Any, place: str) -> list[str]:
    # What can't take the place of a study's own setting: unknown names, and words where numbers are.
    if isinstance(base, dict):
        known = {str(key): value for key, value in cast(dict[Any, Any], base).items()}
        if not isinstance(own, dict):
            return [f"{place} {own!r}: a mapping of {', '.join(known)}"]
        given = {str(key): value for key, value in cast(dict[Any, Any], own).items()}
        unknown = [f"unknown setting {key}: {did_you_mean(key, known)}" for key in given if key not in known]
        inner = [_misfits(value, known[key], key) for key, value in given.items() if key in known]
        return unknown + [problem for some in inner for problem in some]
    if isinstance(base, list):
        if not isinstance(own, list):
            return [f"{place} {own!r}: a list"]
        items, first = cast(list[Any], own), cast(list[Any], base)[:1]
        # Entries that are mappings may differ in what they leave out; only numbers and words are compared.
        plain = [item for item in items if first and not isinstance(first[0], dict | list)]
        return [problem for item in plain for problem in _misfits(item, first[0], f"an entry of {place}")]
    number = isinstance(base, int | float) and not isinstance(base, bool)
    fits = isinstance(own, int | float) and not isinstance(own, bool) if number else isinstance(own, type(base))
    whole = not (fits and isinstance(base, int) and isinstance(own, float))
    return [] if fits and whole else [f"{place} {own!r}: like {base!r}"]


def _changed(base: dict[Any, Any], own: Mapping[Any, Any]) -> dict[Any, Any]:
    # Settings with some of them changed, inside of mappings too. A record of settings has numbers as texts for keys.
    out, names = dict(base), {str(key): key for key in base}
    for name, value in own.items():
        key = names[str(name)]
        here = out[key]
        out[key] = _changed(cast(dict[Any, Any], here), value) if isinstance(here, dict) else value
    return out


def _study(name: str, code: str, content: Mapping[str, Any]) -> Study:
    texts = {key: " ".join(str(content[key]).split()) for key in _TEXTS}
    return Study(name, code, **texts, settings=dict(content["settings"]), full=dict(content.get("full") or {}))


def run_study(study: Study, *, full: bool = False, seed: int = 0) -> Result:
    """Compute a study.

    Args:
        study: What to compute.
        full: With the full setting: more seeds and steps.
        seed: Added to every seed.

    Returns:
        What was found.
    """
    return import_module(f"{_PACKAGE}.{study.code}").run(study.resolved(full=full, seed=seed))


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
    return f"{study.paper}, in our words: {study.sentence} {word} {result.says} Tier: {study.tier}. {study.caveat}"


def missing(*figures: float | None) -> bool:
    """Whether a comparison can't be made: one of its figures was not reached, or is no number.

    Args:
        *figures: What is to be compared.

    Returns:
        True if one of them is None, NaN or infinite.
    """
    return any(figure is None or not math.isfinite(figure) for figure in figures)


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
    return "not reached" if figure is None or math.isnan(figure) else f"{word}{figure:{form}}"


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
