"""What a user gets wrong is said in words of the library: what was given, what was expected, what to do."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from antigrad.core.errors import InputTypeError, InputValueError, ManyInputsError
from antigrad.core.parts import Parts
from antigrad.geometry import Watch
from helpers.watching import batch


def trained() -> tuple[nn.Module, torch.optim.Optimizer]:
    model = nn.Sequential(nn.Linear(12, 4), nn.Tanh(), nn.Linear(4, 5))
    return model, torch.optim.SGD(model.parameters(), lr=0.1)


def parts_of(model: nn.Module) -> Parts:
    inputs, labels = batch(0)
    loss = cross_entropy(model(inputs), labels)
    return Parts(up=loss, down=-0.1 * loss, anchor=torch.zeros(()))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"weight": None}, "weight=None: a number, 'safe', or a SafeWeight"),
        ({"weight": True}, "weight=True: a number"),
        ({"weight": torch.tensor(0.5)}, "a number, 'safe', or a SafeWeight"),
        ({"granularity": None}, "granularity None: known: coordinate, head, layer, row"),
        ({"held_out": torch.tensor(1.0)}, "held_out: a Tensor, where a function"),
        ({"parts": {"up": 1}}, "parts: a dict, where a function"),
        ({"on_row": 3}, "on_row: a int, where a function"),
        ({"model": "m"}, "model: a str, where the torch.nn.Module"),
    ],
)
def test_options_of_the_wrong_kind(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ManyInputsError) as caught:
        Watch(trained()[1], every=0, **options)
    assert said in str(caught.value)
    assert "every=0" in str(caught.value)  # Together with what else is wrong.


@pytest.mark.parametrize("given", [torch.tensor(1.0), {"up": torch.tensor(1.0)}])
def test_what_is_no_parts(given: Any) -> None:
    with pytest.raises(InputTypeError, match="as the parts of an objective"):
        Watch(trained()[1], every=1).take(given)


def test_parts_whose_graph_is_gone() -> None:
    model, optimizer = trained()
    parts = parts_of(model)
    parts.total().backward()
    with pytest.raises(InputValueError, match=r"call take\(parts\) first"):
        Watch(optimizer, every=1).take(parts)


def test_split_without_halves_is_said_and_halves_without_split_are_not_kept() -> None:
    model, optimizer = trained()
    inputs, labels = batch(0)
    with Watch(optimizer, every=1, independent="split"):
        cross_entropy(model(inputs), labels).backward()
        with pytest.raises(InputValueError, match=r"without half\(\) before step 0"):
            optimizer.step()
    with Watch(optimizer, every=1, independent="none") as watch:
        watch.half()
        optimizer.step()
    assert watch.rows[0]["independent"] is None
