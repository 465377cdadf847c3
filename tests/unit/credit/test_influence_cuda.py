"""The kernel on a GPU gives what it gives on the CPU; skipped where there is none."""

import pytest
import torch

from antigrad.credit import Head, group_influence


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("vocabulary", ["full", "responses", "top_k"])
def test_cuda_equals_cpu(vocabulary: str) -> None:
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(6, 40, 32, generator=generator)
    weight = torch.randn(500, 32, generator=generator) * 0.3
    tokens = torch.randint(0, 500, (6, 40), generator=generator)
    mask = torch.rand(6, 40, generator=generator) < 0.8
    correct = torch.tensor([True, False, True, False, False, True])

    def found(device: str) -> torch.Tensor:
        where = (value.to(device) for value in (hidden, tokens, mask, correct))
        return group_influence(*where, Head(weight.to(device), 0.7), vocabulary=vocabulary).scores.cpu()

    expected = found("cpu")
    assert float((found("cuda") - expected).abs().max()) < 1e-3 * float(expected.abs().max())
