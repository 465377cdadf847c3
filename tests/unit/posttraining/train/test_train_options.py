"""Options of TRL that are refused before a model is loaded, and what only a trainer refuses."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from transformers.integrations import integration_utils
from trl import GRPOConfig

from antigrad.core import InputValueError
from antigrad.posttraining.train.job import _made
from antigrad.posttraining.train.options import check_trl


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"report_to": "wandb"}, "trl.report_to=wandb: the package is missing; pip install wandb"),
        (
            {"report_to": ["trackio", "comet_ml"]},
            "trl.report_to=comet_ml: the package is missing; pip install comet-ml",
        ),
        ({"report_to": ["tensorbord"]}, "trl.report_to=tensorbord: did you mean 'tensorboard'?"),
        ({"neftune_noise_alpha": "many"}, "trl.neftune_noise_alpha='many': a number is needed"),
        ({"epsilon_high": True}, "trl.epsilon_high=True: a number is needed"),
    ],
)
def test_refused_at_once(monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], said: str) -> None:
    monkeypatch.setattr(integration_utils, "get_available_reporting_integrations", lambda: ["trackio"])
    (problem,) = check_trl(options, GRPOConfig, {})
    assert problem.startswith(said)


@pytest.mark.parametrize("asked", ["none", "all", [], None, "trackio", ["trackio"]])
def test_trackers_that_are_there(monkeypatch: pytest.MonkeyPatch, asked: Any) -> None:
    monkeypatch.setattr(integration_utils, "get_available_reporting_integrations", lambda: ["trackio"])
    assert not check_trl({"report_to": asked, "neftune_noise_alpha": 5, "run_name": "a"}, GRPOConfig, {})


class UnreachableError(Exception):
    """What a client of the hub raises."""

    __module__ = "httpx2"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (UnreachableError("no such host"), r"UnreachableError: no such host.*a model hub.*push_to_hub"),
        (ValueError("x"), "TRL"),
    ],
)
def test_what_a_trainer_refuses_is_one_clear_error(error: Exception, said: str) -> None:
    def trainer(*_: Any) -> Any:
        raise error

    training: Any = SimpleNamespace(config=SimpleNamespace(lora={}), trainer=trainer)
    with pytest.raises(InputValueError, match=said):
        _made(training, None, None)


def test_a_fault_of_the_program_stays_one() -> None:
    def trainer(*_: Any) -> Any:
        raise KeyError("x")

    training: Any = SimpleNamespace(config=SimpleNamespace(lora={}), trainer=trainer)
    with pytest.raises(KeyError):
        _made(training, None, None)
