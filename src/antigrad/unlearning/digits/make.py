"""Train the two networks of this room and write their weights: `python -m antigrad.unlearning.digits.make`."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import torch
from safetensors.torch import save

from antigrad.core.files import write_atomic
from antigrad.unlearning.deletion import Deletion
from antigrad.unlearning.digits.load import digits, fresh
from antigrad.unlearning.digits.networks import NETWORKS
from antigrad.unlearning.loop import context_of, unlearn
from antigrad.unlearning.methods.retrain import Retrain
from antigrad.unlearning.outputs import outputs
from antigrad.vision.samples import Samples


def train(name: str, recipe: Retrain) -> tuple[dict[str, torch.Tensor], float, float]:
    """Train one network on the training digits: retraining without the test digits.

    Args:
        name: Of the network.
        recipe: How.

    Returns:
        Its state, its accuracy on training and on test samples.
    """
    train, test = digits()
    both = Samples(
        torch.cat([train.images, test.images]),
        torch.cat([train.labels, test.labels]),
        [*train.ids, *test.ids],
        train.classes,
    )
    mask = torch.arange(len(both)) >= len(train)
    make = partial(fresh, name)
    done = unlearn(recipe, context_of(make(0), Deletion(both, test, mask, "homogeneous"), fresh=make))
    right = [float((outputs(done.model, some)[1].argmax(1) == some.labels).float().mean()) for some in (train, test)]
    return done.model.module.state_dict(), right[0], right[1]


if __name__ == "__main__":
    torch.set_num_threads(1)
    for network in NETWORKS:
        state, seen, unseen = train(network, Retrain())
        path = Path(__file__).parent / f"{network}.safetensors"
        facts = {"accuracy on training digits": f"{seen:.4f}", "accuracy on test digits": f"{unseen:.4f}"}
        write_atomic(path, save({key: value.contiguous() for key, value in state.items()}, facts))
        print(network, facts, path)  # noqa: T201
