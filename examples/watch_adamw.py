"""Watch AdamW on an objective whose negative part is too strong, with a weight of 1 and with the safe weight.

python examples/watch_adamw.py [FOLDER]
"""

import sys
from pathlib import Path

import torch
from torch import nn

from antigrad.core import Parts, RunFolder
from antigrad.geometry import Watch, write_certificate_page
from antigrad.report import write_report


def train(folder: Path, weight: float | str) -> Watch:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 32), nn.Tanh(), nn.Linear(32, 4))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    run = RunFolder.start(folder, job="watch_adamw", config={"weight": weight})
    with Watch(optimizer, model=model, every=5, weight=weight, run=run) as watch:
        for _ in range(200):
            inputs = torch.randn(64, 8)
            log_probs = model(inputs).log_softmax(-1)
            wanted, unwanted = inputs[:, :4].argmax(-1), inputs[:, :4].argmin(-1)
            up = -log_probs.gather(1, wanted[:, None]).mean()
            down = 4 * log_probs.gather(1, unwanted[:, None]).mean()
            optimizer.zero_grad()
            watch.backward(Parts(up=up, down=down, anchor=torch.zeros(())))
            optimizer.step()
    write_certificate_page(run)
    return watch


def main(folder: str = "runs/watch-adamw") -> None:
    for name, weight in (("one", 1.0), ("safe", "safe")):
        watch = train(Path(folder) / name, weight)
        lost = [row["step"] for row in watch.rows if row["effect"]["up"] < 0]
        last = watch.rows[-2]
        print(f"weight {name}: the up part lost ground in {len(lost)} of {len(watch.rows)} logged steps")
        print(f"  step {last['step']}: cos {last['cos']:+.3f}, weight {last['down_weight']:.3f}, worst {last['worst']}")
        print(f"  {write_report(RunFolder.open(Path(folder) / name))}")


if __name__ == "__main__":
    main(*sys.argv[1:])
