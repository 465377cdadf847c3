"""`antigrad`: parse, call one job, print where the result is."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from importlib import import_module
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentError, ArgumentParser, Namespace
from rich.console import Console
from rich.table import Table
from rich.text import Text

from antigrad import __version__
from antigrad.cli.arguments import as_typed, check_keys, file_first, with_names, wrong_kinds
from antigrad.core.errors import AntigradError, ManyInputsError
from antigrad.core.runs import RunFolder


@dataclass(frozen=True)
class Job:
    """One command: its settings and its job as `module:name`, loaded when the command runs.

    Args:
        words: What is typed after `antigrad`.
        settings: The dataclass of its settings.
        run: The job.
        help: One line.
        positional: Settings that may be given without their names, in this order; `…` behind the last takes many words.
        fixed: Settings that the words decide.
    """

    words: tuple[str, ...]
    settings: str
    run: str
    help: str
    positional: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()


JOBS = (
    Job(
        ("diagnose",),
        "antigrad.posttraining.settings:DiagnoseConfig",
        "antigrad.posttraining.diagnose:diagnose",
        "one update per question and rule: which correct answers lose likelihood, through which tokens, what mends it",
    ),
    Job(
        ("certify",),
        "antigrad.posttraining.certify_settings:CertifyConfig",
        "antigrad.posttraining.certify:certify",
        "was the whole move between two checkpoints descent: on which part of the data, in which layers",
        positional=("before", "after"),
    ),
    Job(
        ("evaluate",),
        "antigrad.posttraining.evaluate_settings:EvaluateConfig",
        "antigrad.posttraining.evaluate:evaluate",
        "pass@k, diversity and stage measures of several checkpoints, compared with the model they came from",
    ),
    Job(
        ("train", "tiny-policy"),
        "antigrad.posttraining.tiny.pretrain:PretrainConfig",
        "antigrad.posttraining.tiny.pretrain:pretrain",
        "pre-train the million-parameter policy on step-by-step arithmetic, as the shipped weights were",
    ),
    Job(
        ("train", "grpo"),
        "antigrad.posttraining.trainers.grpo_settings:TrainGRPOConfig",
        "antigrad.posttraining.trainers.grpo_job:train_grpo",
        "TRL's GRPO with a rule for the negative gradient; each step says what became of the right answers",
    ),
    Job(
        ("explain",),
        "antigrad.attribution.explain.settings:ExplainConfig",
        "antigrad.attribution.explain.job:explain",
        "where an image model's decision comes from, up and down apart, by nine methods, judged against controls",
        positional=("images…",),
    ),
    Job(
        ("explain-text",),
        "antigrad.cli.explain_text:ExplainTextConfig",
        "antigrad.cli.explain_text:explain_text",
        "which tokens of a prompt pull a language model's answer up, and which push it down",
        positional=("prompt", "answer"),
    ),
    Job(
        ("unlearn", "compare"),
        "antigrad.unlearning.compare:CompareConfig",
        "antigrad.unlearning.compare:compare",
        "all unlearning methods on your own case, over seeds, beside retraining",
    ),
    Job(
        ("unlearn",),
        "antigrad.unlearning.unlearn:UnlearnConfig",
        "antigrad.unlearning.unlearn:unlearn_job",
        "forget part of the training data of an image classifier, and measure it against retraining without it",
    ),
    Job(
        ("lab", "run"),
        "antigrad.lab.job:LabConfig",
        "antigrad.lab.job:lab",
        "one study of the categorical laboratory, by name or from a YAML file: figures, and a verdict on a claim",
        positional=("study",),
    ),
    Job(
        ("lab", "all"),
        "antigrad.lab.job:LabConfig",
        "antigrad.lab.job:lab",
        "all studies of the laboratory on one page",
        fixed=("--study", "all"),
    ),
)


def load(name: str) -> Any:
    """Import `module:attribute`.

    Args:
        name: What to import.

    Returns:
        The attribute.
    """
    module, _, attribute = name.partition(":")
    return getattr(import_module(module), attribute)


def run_job(job: Job, argv: Sequence[str]) -> None:
    """Parse the settings of a job, run it, write its report, say where it is.

    Args:
        job: The job.
        argv: What follows its words.

    Raises:
        ManyInputsError: Values are of the wrong kind, all at once.
    """
    settings = load(job.settings)
    words = [*job.words, *map(str.upper, job.positional)]
    parser = ArgumentParser(prog=f"antigrad {' '.join(words)}", description=job.help, exit_on_error=False)
    parser.add_argument("--config", action="config", help="YAML file of settings; flags win over it")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON, and nothing else, when done")
    parser.add_class_arguments(settings)
    names = [field.name for field in fields(settings)]
    argv = with_names(job.positional, as_typed(settings, [*argv, *job.fixed]))
    if not {"-h", "--help"} & set(argv):
        check_keys(argv, names)
    try:
        parsed: Namespace = parser.parse_args(file_first(argv))
    except ArgumentError as error:
        problems = wrong_kinds(settings, parser.parse_args, file_first(argv))
        raise ManyInputsError("settings", problems or [str(error)]) from error
    run: RunFolder = load(job.run)(settings(**{name: parsed[name] for name in names}))
    _finish(run, as_json=parsed.json)


def _finish(run: RunFolder, *, as_json: bool) -> None:
    if int(os.environ.get("RANK", "0")) > 0:
        return  # one of several processes: the first one writes and speaks
    from antigrad.core.page import ARTIFACT

    page = load("antigrad.report:write_report")(run) if run.artifact(ARTIFACT).exists() else None
    if as_json:
        print(json.dumps(json.loads((run.path / "summary.json").read_text())))  # noqa: T201
        return
    console = Console()
    if page is not None:
        console.print(run.read_json(ARTIFACT)["lead"], markup=False, highlight=False)
    console.print(f"run folder: {run.path}", markup=False, soft_wrap=True)
    if page is not None:
        console.print(f"report: {page.resolve().as_uri()}", markup=False, soft_wrap=True)


def show_report(argv: Sequence[str]) -> None:
    """Write the report of a run again.

    Args:
        argv: The run folder, and `--json`.
    """
    parser = ArgumentParser(prog="antigrad report", description="write the HTML report of a run", exit_on_error=False)
    parser.add_argument("run", type=Path, help="folder of the run")
    parser.add_argument("--json", action="store_true", help="print the summary instead of the place of the report")
    parsed = parser.parse_args(argv)
    run = RunFolder.open(parsed.run)
    load("antigrad.report:write_report")(run)
    _finish(run, as_json=parsed.json)


def show_methods(argv: Sequence[str]) -> None:
    """List what can be named on the command line: rules, models, tasks, verifiers.

    Args:
        argv: Nothing, or `--json`.
    """
    parser = ArgumentParser(prog="antigrad methods", description=show_methods.__doc__, exit_on_error=False)
    parser.add_argument("--json", action="store_true", help="print as JSON")
    parsed = parser.parse_args(argv)
    known = load("antigrad.cli.listing:methods")()
    if parsed.json:
        print(json.dumps(known))  # noqa: T201
        return
    console = Console()
    for title, items in known.items():
        console.print(f"[bold]{title}[/bold]")
        console.print(_columns(items))


def show_studies(argv: Sequence[str]) -> None:
    """List the studies of the laboratory with their questions.

    Args:
        argv: Nothing, or `--json`.
    """
    parser = ArgumentParser(prog="antigrad lab list", description=show_studies.__doc__, exit_on_error=False)
    parser.add_argument("--json", action="store_true", help="print as JSON")
    parsed = parser.parse_args(argv)
    known = load("antigrad.cli.listing:studies")()
    if parsed.json:
        print(json.dumps(known))  # noqa: T201
    else:
        Console().print(_columns(known))


def _columns(lines: Mapping[str, str]) -> Table:
    grid = Table.grid(padding=(0, 2))
    for name, line in lines.items():
        grid.add_row(Text(f"  {name}"), Text(line))
    return grid


def commands() -> dict[tuple[str, ...], tuple[str, Callable[[Sequence[str]], None]]]:
    """All commands.

    Returns:
        Words, and the help line with the function that takes what follows them.
    """
    table: dict[tuple[str, ...], tuple[str, Callable[[Sequence[str]], None]]] = {
        job.words: (job.help, lambda argv, job=job: run_job(job, argv)) for job in JOBS
    }
    table["lab", "list"] = ("list the studies of the laboratory", show_studies)
    table["report",] = ("write the report of a run again", show_report)
    table["methods",] = ("list rules, models, tasks and verifiers", show_methods)
    return table


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
    table, errors = commands(), Console(stderr=True)
    if argv[:1] == ["--version"]:
        print(f"antigrad {__version__}")  # noqa: T201
        return 0
    found = next((words for words in table if tuple(argv[: len(words)]) == words), None)
    if found is None:
        asked_for_help = not argv or argv[0] in ("-h", "--help")
        console = Console() if asked_for_help else errors
        if not asked_for_help:
            from antigrad.core.errors import did_you_mean

            typed = " ".join(word for word in argv[:2] if not word.startswith("-"))
            hint = did_you_mean(typed, [" ".join(words) for words in table])
            errors.print(f"antigrad: no command {argv[0]!r}; {hint}", markup=False, highlight=False)
        console.print("usage: antigrad COMMAND [--help]\n", highlight=False)
        console.print(_columns({" ".join(words): line for words, (line, _) in table.items()}))
        return 0 if asked_for_help else 2
    try:
        table[found][1](argv[len(found) :])
    except (AntigradError, ArgumentError) as error:
        errors.print(f"antigrad {' '.join(found)}: {error}", markup=False, highlight=False, soft_wrap=True)
        return 1
    except ModuleNotFoundError as error:
        if (error.name or "antigrad").startswith("antigrad"):
            raise
        text = f"antigrad {' '.join(found)}: the package {error.name} is missing"
        errors.print(f"{text}; to do: pip install 'antigrad[all]'", markup=False, soft_wrap=True)
        return 1
    except RuntimeError as error:
        if "memory" not in str(error):
            raise
        text = f"antigrad {' '.join(found)}: out of memory ({str(error).splitlines()[0]})"
        errors.print(f"{text}; to do: smaller --rows_at_once, --rollouts or model", markup=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        errors.print("interrupted; the same command with --resume goes on from here", markup=False)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
