"""PSR and NSR: plus or minus one, by the verdict alone."""

import torch

from antigrad.credit import CREDIT, Group

RIGHT = torch.tensor([True, False, True])
GROUP = Group(torch.zeros(3, 2).long(), torch.ones(3, 2).bool(), RIGHT, torch.tensor([0.3, -0.6, 0.3]))


def test_weights_and_their_sum() -> None:
    psr, nsr = CREDIT.make("psr")(GROUP), CREDIT.make("nsr")(GROUP)
    assert psr.tolist() == [[1.0] * 2, [0.0] * 2, [1.0] * 2]
    assert nsr.tolist() == [[0.0] * 2, [-1.0] * 2, [0.0] * 2]
    torch.testing.assert_close(0.1 * psr + nsr, CREDIT.make("w_reinforce")(GROUP))
    assert torch.equal(CREDIT.make("nsr").weigh(GROUP), CREDIT.make("w_reinforce(positive_weight=0)").weigh(GROUP))
