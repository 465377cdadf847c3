"""Putting groups together, and replacing groups, in batches as TRL pads them."""

import pytest
import torch

from antigrad.core.errors import InputValueError
from antigrad.posttraining.train.grpo.batches import check_plain, replaced, whole_groups


def test_groups_are_together_and_every_row_is_there_once() -> None:
    group = torch.tensor([2, 0, 1, 0, 2, 1, 0, 2, 1])
    rows = torch.arange(9)
    batches = [{"group": group[part], "row": rows[part][:, None], "n": torch.tensor(9)} for part in rows.split(3)]
    found = whole_groups(batches)
    assert [batch["group"].tolist() for batch in found] == [[2, 2, 2], [0, 0, 0], [1, 1, 1]]
    assert torch.cat([batch["row"] for batch in found])[:, 0].tolist() == [0, 4, 7, 1, 3, 6, 2, 5, 8]
    assert all(int(batch["n"]) == 9 for batch in found)


def test_prompts_are_padded_on_the_left_and_responses_on_the_right() -> None:
    one = {
        "prompt_ids": torch.tensor([[1, 2], [3, 4]]), "prompt_mask": torch.ones(2, 2).long(),
        "completion_ids": torch.tensor([[5, 6, 7], [8, 9, 9]]), "completion_mask": torch.ones(2, 3).long(),
        "tool_mask": torch.zeros(2, 3).long(), "advantages": torch.tensor([1.0, 2.0]), "n": torch.tensor(6),
        "states": torch.ones(2, 3, 2),
    }  # fmt: skip
    other = {
        "prompt_ids": torch.tensor([[1, 1, 1], [2, 2, 2]]), "prompt_mask": torch.ones(2, 3).long(),
        "completion_ids": torch.tensor([[4, 4], [5, 5]]), "completion_mask": torch.ones(2, 2).long(),
        "tool_mask": torch.zeros(2, 2).long(), "advantages": torch.tensor([3.0, 4.0]), "n": torch.tensor(4),
        "states": 2 * torch.ones(2, 2, 2),
    }  # fmt: skip
    found = replaced(one, torch.tensor([0]), other, torch.tensor([1]), pad_token=28)
    assert found["prompt_ids"].tolist() == [[2, 2, 2], [28, 3, 4]]
    assert found["prompt_mask"].tolist() == [[1, 1, 1], [0, 1, 1]]
    assert found["completion_ids"].tolist() == [[5, 5, 28], [8, 9, 9]]
    assert found["completion_mask"].tolist() == [[1, 1, 0], [1, 1, 1]]
    assert found["tool_mask"].tolist() == [[0, 0, 1], [0, 0, 0]]
    assert found["advantages"].tolist() == [4.0, 2.0]
    assert found["states"][0].tolist() == [[2, 2], [2, 2], [0, 0]]
    assert one["completion_ids"].tolist() == [[5, 6, 7], [8, 9, 9]]  # what was given stays


def test_images_are_refused() -> None:
    with pytest.raises(InputValueError, match="a batch with images"):
        check_plain({"pixel_values": torch.zeros(1)})
    with pytest.raises(InputValueError, match="a batch with images"):
        check_plain({"num_images": [1]})
