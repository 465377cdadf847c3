"""`antigrad`: parse, call one job, print where the result is."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import fields
from io import TextIOWrapper
from typing import Any

from jsonargparse import ArgumentError
from rich.console import Console

from antigrad import __version__
from antigrad.cli.arguments import as_typed, check_keys, file_first, kinds, unusable, with_names, wrong_kinds
from antigrad.cli.extras import is_missing, line_for
from antigrad.cli.jobs import JOBS, Job, View, load
from antigrad.cli.parsers import Command, Words, all_words, build, described, longest_match
from antigrad.cli.views import COMMANDS, columns, finish
from antigrad.core.damage import rows_of_another_time
from antigrad.core.errors import AntigradError, ManyInputsError, did_you_mean, raise_all
from antigrad.core.files import full_disk
from antigrad.core.runs import RunFolder

__all__ = ["JOBS", "Job", "load", "main", "read_settings", "run_job", "show"]


def read_settings(job: Job, argv: Sequence[str]) -> tuple[Any, bool]:
    """Parse what follows the words of a job.

    Args:
        job: The job.
        argv: What follows its words.

    Returns:
        Its settings, which check themselves, and whether the summary is wanted as JSON.

    Raises:
        ManyInputsError: Values are of the wrong kind, all at once.
    """
    settings = load(job.settings)
    parsers = build(COMMANDS, [job.words])
    parser, place = parsers[job.words], ".".join(job.words)
    argv = with_names(job.positional, as_typed(settings, [*argv, *job.fixed]))
    if not {"-h", "--help"} & set(argv):
        check_keys(argv, kinds(settings), getattr(settings, "our_name", lambda _: None))
    argv = file_first(argv)
    try:
        parsed = parser.instantiate(parsers[()].parse_args([*job.words, *argv])[place])  # nested ones as dataclasses
    except ArgumentError as error:
        problems = wrong_kinds(settings, parser.parse_args, argv)
        raise ManyInputsError("settings", problems or [str(error)]) from error
    given = {field.name: parsed[field.name] for field in fields(settings)}
    raise_all("settings", unusable(given))
    return settings(**given), parsed.json


def run_job(job: Job, argv: Sequence[str]) -> None:
    """Parse the settings of a job, run it, write its report, say where it is.

    Args:
        job: The job.
        argv: What follows its words.

    Raises:
        ModuleNotFoundError: The page could not be drawn.
    """
    if is_missing("report") and not {"-h", "--help"} & set(argv):  # before the work whose page could not be drawn
        raise ModuleNotFoundError("the page of a run needs the extra report", name="jinja2")
    config, as_json = read_settings(job, argv)
    if int(os.environ.get("RANK", "0")) == 0:  # the others may find the run that the first process has begun
        RunFolder(config.output).check_place(resume=config.resume)
    with full_disk(config.output), rows_of_another_time(config.output / "ledger.jsonl"):
        run = load(job.run)(config)
        finish(run, as_json=as_json)


def show(view: View, argv: Sequence[str]) -> None:
    """Parse what a view takes, and show it.

    Args:
        view: The view.
        argv: What follows its words.
    """
    parser = build(COMMANDS, [view.words])[view.words]
    view.show(parser.parse_args(argv))  # by its own parser, which says `run` is missing, not `report.run`


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: Arguments; those of the process when None.

    Returns:
        Exit status: 0 done, 1 a clear error, 2 a command that does not exist, 130 interrupted.

    Raises:
        ModuleNotFoundError: A module of this package is missing.
        RuntimeError: A fault of the program, not of what was given.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal may lack a character that a model wrote
    words, errors = longest_match(argv, COMMANDS), Console(stderr=True)
    command = next((one for one in COMMANDS if one.words == words), None)
    rest = argv[len(words) :]
    if command is None or _means_another(command, rest):
        return _no_command(words, argv, errors)
    try:
        if isinstance(command, Job):
            run_job(command, rest)
        else:
            show(command, rest)
    except (AntigradError, ArgumentError) as error:
        errors.print(f"antigrad {' '.join(words)}: {error}", markup=False, highlight=False, soft_wrap=True)
        return 1
    except ModuleNotFoundError as error:
        if (error.name or "antigrad").startswith("antigrad"):
            raise
        text = f"antigrad {' '.join(words)}: the package {error.name} is missing"
        errors.print(f"{text}; try: {line_for(error.name or '', command.needs)}", markup=False, soft_wrap=True)
        return 1
    except RuntimeError as error:
        if "memory" not in str(error):
            raise
        return _out_of_memory(command, str(error).partition("\n")[0], errors)
    except MemoryError:
        return _out_of_memory(command, "the system has no more", errors)
    except KeyboardInterrupt:
        hint = "; the same command with --resume resumes from here" if isinstance(command, Job) else ""
        errors.print(f"interrupted{hint}", markup=False)
        return 130
    return 0


_SIZES = ("rows_at_once", "rollouts", "samples", "batch_size", "batch", "max_rows", "max_tokens", "workers")
"""Settings that say how much is in memory at once, in the commands that have them."""


def _out_of_memory(command: Command, reason: str, errors: Console) -> int:
    known = kinds(load(command.settings)) if isinstance(command, Job) else {}
    smaller = [*(f"--{name}" for name in _SIZES if name in known), "model" if "model" in known else "data"]
    text = f"antigrad {' '.join(command.words)}: out of memory ({reason}); try: smaller {', '.join(smaller)}"
    errors.print(text, markup=False, soft_wrap=True)
    return 1


def _means_another(command: Command, rest: Sequence[str]) -> bool:
    # `diagnose pair` is no `diagnose` with a word too many if there is a `diagnose pairs`.
    takes_words = isinstance(command, View) or command.positional
    others = any(words[:-1] == command.words for words in all_words(COMMANDS))
    return bool(others and not takes_words and rest and not rest[0].startswith("-"))


def _no_command(words: Words, argv: Sequence[str], errors: Console) -> int:
    # Nothing to run: `--version`, help of everything or of a group, or words that are mistyped.
    rest = argv[len(words) :]
    if argv[:1] == ["--version"]:
        print(f"antigrad {__version__}")  # noqa: T201
        return 0
    asked_for_help = not rest or rest[0] in ("-h", "--help")
    if words and asked_for_help:
        build(COMMANDS, [])[words].print_help()
        return 0
    console = Console() if asked_for_help else errors
    if not asked_for_help:
        typed = " ".join(word for word in argv[: max(2, len(words) + 1)] if not word.startswith("-"))
        known = [" ".join(command.words) for command in COMMANDS]
        given = typed if words in [command.words for command in COMMANDS] else argv[0]
        errors.print(f"antigrad: no command {given!r}; {did_you_mean(typed, known)}", markup=False, highlight=False)
    console.print("usage: antigrad COMMAND [--help]\n", highlight=False)
    console.print(columns({" ".join(command.words): described(command) for command in COMMANDS}))
    return 0 if asked_for_help else 2


if __name__ == "__main__":
    sys.exit(main())
