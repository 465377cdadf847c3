"""The words of a command line: lists, switches and dashes; unknown names all at once."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from antigrad.cli.arguments import as_typed, check_keys, kinds, with_names
from antigrad.cli.jobs import JOBS
from antigrad.cli.parsers import build
from antigrad.cli.views import COMMANDS
from antigrad.core import ManyInputsError
from antigrad.posttraining.diagnose.pairs.settings import DiagnosePairsConfig
from antigrad.posttraining.diagnose.settings import DiagnoseConfig
from antigrad.posttraining.evaluate.settings import EvaluateConfig
from antigrad.posttraining.train.bon.settings import TrainBonConfig
from antigrad.posttraining.train.dpo.settings import TrainDPOConfig
from antigrad.posttraining.train.grpo.settings import TrainGRPOConfig

NAMES = ["arms", "step_sizes", "max_new_tokens", "resume", "seed"]


@dataclass
class Settings:
    """One setting of each kind."""

    arms: "list[str]" = field(default_factory=list)
    step_sizes: "list[float]" = field(default_factory=list)
    max_new_tokens: "int" = 1
    model: "str" = "a"
    resume: "bool" = False


@pytest.mark.parametrize(
    ("typed", "parsed"),
    [
        (["--arms", "none"], ["--arms", '["none"]']),
        (["--arms=none,nthr(beta=0,anchor=others)"], ['--arms=["none", "nthr(beta=0,anchor=others)"]']),
        (["--arms", '["none", "nthr"]'], ["--arms", '["none", "nthr"]']),
        (["--arms", ""], ["--arms", "[]"]),
        (["--step-sizes", "1e-6,1e-5"], ["--step_sizes", "[1e-6, 1e-5]"]),
        (["--step_sizes=[1e-6]"], ["--step_sizes=[1e-6]"]),
        (["--max-new-tokens", "3"], ["--max_new_tokens", "3"]),
        (["--max-new-tokens=3"], ["--max_new_tokens=3"]),
        (["--resume"], ["--resume=true"]),
        (["--resume", "--model", "b"], ["--resume=true", "--model", "b"]),
        (["--resume", "false"], ["--resume", "false"]),
        (["--resume=False"], ["--resume=False"]),
        (["--model", "a-b=c-d"], ["--model", "a-b=c-d"]),
        (["--model=a-b=c-d,e"], ["--model=a-b=c-d,e"]),
        (["--arms"], ["--arms"]),
        ([], []),
    ],
)
def test_words_as_people_write_them(typed: list[str], parsed: list[str]) -> None:
    assert as_typed(Settings, typed) == parsed


def test_known_words_pass() -> None:
    check_keys(["--arms", "x", "--seed=3", "--json"], NAMES)
    check_keys(["--print_config", "--arms+", "y", "word", "-x"], NAMES)


def test_unknown_options_and_keys_are_told_together(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("seeed: 1\nstep_sizes: [1]\nmodell: b\n")
    with pytest.raises(ManyInputsError) as caught:
        check_keys(["--amrs=none", "--config", str(path), "--resum"], NAMES)
    problems = caught.value.problems
    assert len(problems) == 4
    assert "unknown option --amrs: did you mean 'arms'?" in problems[0]
    assert f"{path}: unknown setting seeed: did you mean 'seed'?" in problems[1]
    assert "unknown setting modell: known: " in problems[2]
    assert "unknown option --resum: did you mean 'resume'?" in problems[3]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"- 1\n- 2", "a mapping of settings is expected, found list"),
        (b"text", "found str"),
        (b"a: [", "parsing a flow node"),
        (b"\xff\xfe\x00", "can't decode byte 0xff"),
        (b"1: 2", "unknown setting 1"),
        (None, "No such file"),
    ],
)
def test_a_file_that_is_no_settings_is_told(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "a.yaml"
    if content is not None:
        path.write_bytes(content)
    for words in (["--config", str(path)], [f"--config={path}"]):
        with pytest.raises(ManyInputsError, match=said) as caught:
            check_keys(words, NAMES)
        assert str(path) in str(caught.value)


def test_an_empty_file_is_no_settings_and_no_fault(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("# nothing\n")
    check_keys(["--config", str(tmp_path / "a.yaml")], NAMES)


def test_config_without_a_file_is_told() -> None:
    with pytest.raises(ManyInputsError, match="--config"):
        check_keys(["--config"], NAMES)


BOTH = ["before", "after"]


@pytest.mark.parametrize(
    ("typed", "parsed"),
    [
        (["a", "b", "--json"], ["--before=a", "--after=b", "--json"]),
        (["--seed", "1", "a", "--resume=true", "b"], ["--seed", "1", "--before=a", "--resume=true", "--after=b"]),
        (["--json", "a", "--seed", "-1", "b"], ["--json", "--before=a", "--seed", "-1", "--after=b"]),
        (["--print_config", "a"], ["--print_config", "--before=a"]),
        (["--before", "a", "--after=b"], ["--before", "a", "--after=b"]),
        (["a", "--after", "b"], ["--before=a", "--after", "b"]),
        ([], []),
    ],
)
def test_words_without_flags_get_their_names(typed: list[str], parsed: list[str]) -> None:
    assert with_names(BOTH, typed) == parsed


def test_words_stay_where_no_setting_goes_without_a_name() -> None:
    assert with_names([], ["a", "--seed", "1"]) == ["a", "--seed", "1"]


def test_too_many_words_and_settings_given_twice_are_told_together() -> None:
    with pytest.raises(ManyInputsError) as caught:
        with_names(BOTH, ["a", "b", "c", "--after", "d"])
    assert caught.value.problems == [
        "unexpected 'c': only before, after go without a name",
        "after is given twice, with its name and without",
    ]


def test_a_path_with_commas_is_one_item_where_it_is_there(tmp_path: Path) -> None:
    folder = tmp_path / "lr=1e-5,seed=1"
    folder.mkdir()
    (tmp_path / "a, b").mkdir()
    (found,) = as_typed(EvaluateConfig, [f"--model={folder},tiny,{tmp_path / 'a, b'},no,where"])
    assert json.loads(found.partition("=")[2]) == [str(folder), "tiny", str(tmp_path / "a, b"), "no", "where"]


def test_values_of_a_literal_are_named_whatever_it_is_called() -> None:
    assert kinds(EvaluateConfig)["engine"] == "one of auto, transformers, vllm"


@pytest.mark.parametrize(
    ("settings", "typed", "ours"),
    [
        (TrainGRPOConfig, "--num_generations 4 --per-device-train-batch-size=8", "--rollouts 4 --rows_at_once=8"),
        (TrainGRPOConfig, "--max_steps 3 --loss_type dr_grpo", "--steps 3 --trl.loss_type dr_grpo"),
        (TrainGRPOConfig, "--learning_rate 1e-6 --gradient_accumulation_steps 2",
         "--learning_rate 1e-6 --trl.gradient_accumulation_steps 2"),
        (TrainDPOConfig, "--beta 0.1 --eval_steps 5", "--beta 0.1 --evaluate_every 5"),
        (TrainBonConfig, "--weight_decay=0.1 --eval_steps 5", "--trl.weight_decay=0.1 --trl.eval_steps 5"),
        (DiagnoseConfig, "--credit none,vpo --learning_rate 1e-6", '--arms ["none","vpo"] --step_sizes [1e-6]'),
        (DiagnosePairsConfig, "--credit none,vpo --num_fewshot 2", '--arms ["none","vpo"] --shots 2'),
        (EvaluateConfig, "--num_fewshot 4 --limit 10 --batch_size 2", "--shots 4 --questions 10 --rows_at_once 2"),
        (EvaluateConfig, "--nmu_fewshot 4", "--nmu_fewshot 4"),
    ],
)  # fmt: skip
def test_names_of_trl_and_lm_evaluation_harness_are_flags(settings: type, typed: str, ours: str) -> None:
    found = as_typed(settings, typed.split())
    assert [word.replace(", ", ",") for word in found] == ours.split()


def test_a_setting_by_both_its_names_is_refused() -> None:
    with pytest.raises(ManyInputsError, match="num_generations is given twice: it is rollouts here"):
        as_typed(TrainGRPOConfig, ["--rollouts", "4", "--num_generations=8"])


def test_a_file_with_a_name_of_trl_says_what_it_is_here(tmp_path: Path) -> None:
    (tmp_path / "trl.yaml").write_text("num_generations: 4\nseed: 1\nloss_type: dr_grpo\n")
    with pytest.raises(ManyInputsError) as caught:
        check_keys(["--config", str(tmp_path / "trl.yaml")], kinds(TrainGRPOConfig), TrainGRPOConfig.our_name)
    assert [problem.rpartition(": ")[2] for problem in caught.value.problems] == [
        "it is rollouts here", "it is trl.loss_type here",
    ]  # fmt: skip


def test_flags_of_every_command_have_types_that_are_held() -> None:
    """A type that can't be looked up lets every value through, as what YAML makes of it: `a: b` becomes a mapping."""
    words = [job.words for job in JOBS]
    parsers = build(COMMANDS, words)
    for one in words:
        types = {action.dest: str(getattr(action, "_typehint", "")) for action in parsers[one]._actions}
        assert not [name for name, kind in types.items() if "Unvalidated" in kind], one
