"""Which methods rank better than every control: none where nothing differs, however few the pictures."""

import pytest
import torch

from antigrad.attribution.metrics.paired import clearly_above

CONTROLS = ("random", "sobel", "centre")


@pytest.mark.parametrize("pictures", [2, 3, 6, 10])
def test_no_winner_where_there_is_none(pictures: int) -> None:
    numbers = torch.Generator().manual_seed(pictures)
    named = 0
    for _ in range(200):
        scores = torch.randn(12, pictures, generator=numbers)
        methods = {f"m{place}": row for place, row in enumerate(scores[:9])}
        named += bool(clearly_above(methods, dict(zip(CONTROLS, scores[9:], strict=True))))
    assert named / 200 <= 0.08  # two standard errors against the best control name one in 31 % of runs of two pictures


def test_a_winner_has_to_beat_every_control() -> None:
    noise = torch.randn(4, 30, generator=torch.Generator().manual_seed(0))
    controls = {"random": noise[0], "sobel": noise[1] + 3}
    assert clearly_above({"good": noise[2] + 5, "middling": noise[3] + 2}, controls) == ["good"]
