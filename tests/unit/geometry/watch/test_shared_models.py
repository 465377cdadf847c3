"""Several optimizers on one model: rows, alarms and page keep them apart."""

from pathlib import Path

import torch
from torch import nn

from antigrad.core.parts import Parts
from antigrad.geometry import Watch
from antigrad.report import write_report


def test_two_optimizers_of_one_class_have_names_alarms_and_sections_of_their_own(tmp_path: Path) -> None:
    good, bad = nn.Parameter(torch.ones(3)), nn.Parameter(torch.ones(3))
    model = nn.ParameterList([good, bad])
    first, second = torch.optim.SGD([good], lr=0.01), torch.optim.SGD([bad], lr=0.01)

    with Watch(model, every=1, run=tmp_path / "run") as watch:
        for _ in range(4):
            model.zero_grad()
            # What the down part wants of the second parameter is against the up part, and it is stronger.
            watch.backward(Parts(up=good.sum() + bad.sum(), down=good.sum() - 2 * bad.sum(), anchor=torch.zeros(())))
            first.step()
            second.step()

    rows = {name: [row for row in watch.rows if row["optimizer"] == name] for name in ("SGD", "SGD 2")}
    assert [len(found) for found in rows.values()] == [4, 4]
    assert all(row["effect"]["up"] > 0 and row["alarms"] == [] for row in rows["SGD"])
    assert all(row["effect"]["up"] < 0 for row in rows["SGD 2"])
    lost = [any("'up' lost ground" in alarm for alarm in row["alarms"]) for row in rows["SGD 2"]]
    assert lost == [False, False, True, True]
    page = write_report(watch._run).read_text()  # type: ignore[arg-type]  # pyright: ignore
    assert "In short: SGD" in page
    assert "In short: SGD 2" in page
