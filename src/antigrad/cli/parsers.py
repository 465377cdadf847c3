"""The commands as jsonargparse's subcommands: groups, their help, and what completes them in a shell."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any

import yaml
from jsonargparse import ArgumentParser, get_loader, set_loader

from antigrad import __version__
from antigrad.cli.extras import install_line
from antigrad.cli.jobs import Job, View
from antigrad.core.yaml_text import load_yaml

Words = tuple[str, ...]
Command = Job | View

# What the parser reads, of flags and of files, has the bounds of all YAML here.
_read = get_loader("yaml")
set_loader("yaml", lambda text: load_yaml(text, _read), exceptions=(yaml.YAMLError,))


def build(commands: Sequence[Command], asked: Container[Words]) -> dict[Words, ArgumentParser]:
    """Build the parser of `antigrad` with all commands below it.

    Settings are imported for the commands that are asked for only: the others have their words and their line.

    Args:
        commands: All commands. Words may be a command and begin others: `diagnose` and `diagnose pairs`.
        asked: Words of the commands that get their arguments.

    Returns:
        The parser of each command and group by its words; that of `antigrad` has none.
    """
    known = {command.words: command for command in commands}
    parsers: dict[Words, ArgumentParser] = {
        (): ArgumentParser(prog="antigrad", version=__version__, exit_on_error=False)
    }
    below: dict[Words, Any] = {}
    for words in sorted(all_words(commands), key=len):  # jsonargparse takes one level after the other
        above, command = words[:-1], known.get(words)
        if above not in below:
            below[above] = parsers[above].add_subcommands(required=False, title="commands", metavar="COMMAND")
        parser = parsers[words] = ArgumentParser(description=command.help if command else None)
        line = described(command) if command else ", ".join(_next(words, commands))
        below[above].add_subcommand(words[-1], parser, help=line.replace("%", "%%"))
        parser.prog = f"antigrad {' '.join(words)}"
        if command and words in asked:
            command.add_arguments(parser)
    return parsers


def all_words(commands: Sequence[Command]) -> list[Words]:
    """List what leads to a command, in the order of the commands.

    Args:
        commands: All commands.

    Returns:
        Words of every group and every command.
    """
    return list(dict.fromkeys(one.words[:count] for one in commands for count in range(1, len(one.words) + 1)))


def longest_match(argv: Sequence[str], commands: Sequence[Command]) -> Words:
    """Find the group or command that is meant: of several, the one with the most words.

    Args:
        argv: Arguments as typed.
        commands: All commands.

    Returns:
        Its words; none if the first word is not known.

    Example:
        >>> from antigrad.cli.jobs import JOBS
        >>> longest_match(["lab", "run", "squeezing"], JOBS), longest_match(["lab"], JOBS), longest_match(["x"], JOBS)
        (('lab', 'run'), ('lab',), ())
    """
    matches = [words for words in all_words(commands) if tuple(argv[: len(words)]) == words]
    return max(matches, key=len, default=())


def described(command: Command) -> str:
    """Describe a command, and say how to install what it needs where that is missing.

    Args:
        command: The command.

    Returns:
        One line.
    """
    missing = install_line(command.needs)
    return f"{command.help} (first {missing})" if missing else command.help


def _next(words: Words, commands: Sequence[Command]) -> list[str]:
    return [one[-1] for one in all_words(commands) if one[:-1] == words]
