"""The table of jobs: what is typed, and what is then loaded and run. A new job is one entry here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from jsonargparse import ArgumentParser, Namespace


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
        needs: Extras of this package that it needs.
    """

    words: tuple[str, ...]
    settings: str
    run: str
    help: str
    positional: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add a flag for each setting, nested ones by dotted names, and for what every job takes.

        Args:
            parser: The parser of this command.
        """
        parser.prog = " ".join([parser.prog, *map(str.upper, self.positional)])
        parser.add_argument("--config", action="config", help="YAML file of settings; flags win over it")
        parser.add_argument(
            "--json", action="store_true", help="print the summary as JSON, and nothing else, when done"
        )
        parser.add_class_arguments(load(self.settings))


@dataclass(frozen=True)
class View:
    """One command without settings.

    Args:
        words: What is typed after `antigrad`.
        help: One line.
        show: What it does.
        add_arguments: What it takes.
        needs: Extras of this package that it needs.
    """

    words: tuple[str, ...]
    help: str
    show: Callable[[Namespace], None]
    add_arguments: Callable[[ArgumentParser], Any]
    needs: tuple[str, ...] = ()


JOBS = (
    Job(
        ("diagnose",),
        "antigrad.posttraining.diagnose.settings:DiagnoseConfig",
        "antigrad.posttraining.diagnose.job:diagnose",
        "one update per question and rule: which correct answers lose likelihood, through which tokens, what fixes it",
        needs=("posttraining",),
    ),
    Job(
        ("diagnose", "pairs"),
        "antigrad.posttraining.diagnose.pairs.settings:DiagnosePairsConfig",
        "antigrad.posttraining.diagnose.pairs.job:diagnose_pairs",
        "one DPO update per pair and rule: which chosen answers lose likelihood, to what, and which rule stops it",
        needs=("posttraining",),
    ),
    Job(
        ("certify",),
        "antigrad.posttraining.certify.settings:CertifyConfig",
        "antigrad.posttraining.certify.job:certify",
        "was the whole move between two checkpoints descent: on which part of the data, in which layers",
        positional=("before", "after"),
        needs=("posttraining",),
    ),
    Job(
        ("evaluate",),
        "antigrad.posttraining.evaluate.settings:EvaluateConfig",
        "antigrad.posttraining.evaluate.job:evaluate",
        "pass@k, diversity and stage measures of several checkpoints, compared with the model they came from",
        needs=("posttraining",),
    ),
    Job(
        ("train", "tiny-policy"),
        "antigrad.language.tiny.pretrain.settings:PretrainConfig",
        "antigrad.language.tiny.pretrain.job:pretrain",
        "pre-train the million-parameter policy on step-by-step arithmetic, as the shipped weights were",
        needs=("posttraining",),
    ),
    Job(
        ("train", "bon"),
        "antigrad.posttraining.train.bon.settings:TrainBonConfig",
        "antigrad.posttraining.train.bon.job:train_bon",
        "Best-of-N: TRL's supervised fine-tuning on the best of N own answers, resampled as the policy changes",
        needs=("train",),
    ),
    Job(
        ("train", "dpo"),
        "antigrad.posttraining.train.dpo.settings:TrainDPOConfig",
        "antigrad.posttraining.train.dpo.job:train_dpo",
        "TRL's DPO on your pairs or on the model's own answers, with a rule for how hard rejected responses are pushed",
        needs=("train",),
    ),
    Job(
        ("train", "grpo"),
        "antigrad.posttraining.train.grpo.settings:TrainGRPOConfig",
        "antigrad.posttraining.train.grpo.job:train_grpo",
        "TRL's GRPO with a rule for the negative gradient; each step says what became of the right answers",
        needs=("train",),
    ),
    Job(
        ("train", "rwr"),
        "antigrad.posttraining.train.rwr.settings:TrainRwrConfig",
        "antigrad.posttraining.train.rwr.job:train_rwr",
        "reward-weighted regression: supervised fine-tuning on own answers, each weighted by its reward",
        needs=("train",),
    ),
    Job(
        ("explain",),
        "antigrad.attribution.explain.settings:ExplainConfig",
        "antigrad.attribution.explain.job:explain",
        "where an image model's decision comes from, up and down apart, by nine methods, judged against controls",
        positional=("images…",),
        needs=("attribution",),
    ),
    Job(
        ("explain-text",),
        "antigrad.attribution.explain_text.settings:ExplainTextConfig",
        "antigrad.attribution.explain_text.job:explain_text",
        "which tokens of a prompt pull a language model's answer up, and which push it down",
        positional=("prompt", "answer"),
        needs=("attribution", "posttraining"),
    ),
    Job(
        ("unlearn", "compare"),
        "antigrad.unlearning.compare.settings:CompareConfig",
        "antigrad.unlearning.compare.job:compare",
        "all unlearning methods on your own case, over seeds, beside retraining",
        needs=("unlearning",),
    ),
    Job(
        ("unlearn",),
        "antigrad.unlearning.unlearn.settings:UnlearnConfig",
        "antigrad.unlearning.unlearn.job:unlearn_job",
        "forget part of the training data of an image classifier, and measure it against retraining without it",
        needs=("unlearning",),
    ),
    Job(
        ("scenario",),
        "antigrad.scenarios.scenario.settings:ScenarioConfig",
        "antigrad.scenarios.scenario.job:scenario",
        "recorded traffic bent by gradients until a planner is in danger: who, how, and could it have been avoided",
        positional=("scenes…",),
        needs=("scenarios",),
    ),
    Job(
        ("lab", "run"),
        "antigrad.lab.run.settings:LabConfig",
        "antigrad.lab.run.job:lab",
        "one study of the categorical laboratory, by name or from a YAML file: figures, and a verdict on a claim",
        positional=("study",),
        needs=("lab",),
    ),
    Job(
        ("lab", "all"),
        "antigrad.lab.run.settings:LabConfig",
        "antigrad.lab.run.job:lab",
        "all studies of the laboratory on one page",
        fixed=("--study", "all"),
        needs=("lab",),
    ),
    Job(
        ("lab", "simulate"),
        "antigrad.lab.simulation.settings:SimulateConfig",
        "antigrad.lab.simulation.job:lab_simulate",
        "objectives in a world of your own: rewards, initial law, peak; a claim held against them",
        needs=("lab",),
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
