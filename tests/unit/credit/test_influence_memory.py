"""What the influence kernel promises to hold at once, measured at the allocator."""

from collections.abc import Callable

import pytest
import torch
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten

from antigrad.credit import Head, group_influence

VOCABULARY, WIDTH, CHUNK_TOKENS = 6000, 24, 24


class Largest(TorchDispatchMode):
    """Remembers the number of elements of the largest tensor that any operation returned."""

    def __init__(self) -> None:
        super().__init__()
        self.elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore
        out = func(*args, **(kwargs or {}))
        for leaf in tree_flatten(out)[0]:
            if isinstance(leaf, torch.Tensor):
                self.elements = max(self.elements, leaf.numel())
        return out


def peak_bytes(work: Callable[[], object]) -> int:
    """Most bytes the CPU allocator held at once, operators' own temporaries included."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as recorded:
        work()
    events = [e for e in recorded.profiler.kineto_results.events() if e.name() == "[memory]"]  # type: ignore
    live = top = 0
    for event in sorted(events, key=lambda e: e.start_ns()):
        live += event.nbytes()
        top = max(top, live)
    return top


def work_of(length: int, dtype: torch.dtype, vocabulary: str) -> Callable[[], object]:
    hidden = torch.randn(4, length, WIDTH).to(dtype)
    tokens = torch.randint(0, VOCABULARY, (4, length))
    head = Head(torch.randn(VOCABULARY, WIDTH).to(dtype), 0.9, chunk_bytes=CHUNK_TOKENS * VOCABULARY * 4)
    mask, correct = torch.ones(4, length).bool(), torch.tensor([True, False, True, False])
    return lambda: group_influence(hidden, tokens, mask, correct, head, vocabulary=vocabulary, top_k=4)


@pytest.mark.parametrize("length", [10, 24, 300])
@pytest.mark.parametrize("vocabulary", ["full", "top_k"])
def test_no_tensor_is_larger_than_the_head_or_a_chunk(length: int, vocabulary: str) -> None:
    work = work_of(length, torch.float32, vocabulary)
    with Largest() as seen:
        work()
    assert seen.elements <= max(VOCABULARY * WIDTH, CHUNK_TOKENS * VOCABULARY)
    assert seen.elements < 2 * length * VOCABULARY or length < CHUNK_TOKENS  # fewer than all correct tokens' logits


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("length", "matrices"), [(10, 1), (24, 1), (300, 2)])
def test_peak_is_one_or_two_matrices_and_a_work_area_and_a_half(length: int, matrices: int, dtype: torch.dtype) -> None:
    work = work_of(length, dtype, "full")
    matrix, area = VOCABULARY * WIDTH * 4, CHUNK_TOKENS * VOCABULARY * 4
    states = 4 * length * WIDTH * 4
    assert peak_bytes(work) <= matrices * matrix + 1.5 * area + 4 * states + 100_000


@pytest.mark.filterwarnings("ignore")
def test_peak_does_not_grow_with_the_length() -> None:
    short, long = (peak_bytes(work_of(length, torch.float32, "full")) for length in (100, 800))
    grown = 4 * 700 * WIDTH * 4
    assert long - short < 4 * grown
    assert 4 * grown < VOCABULARY * 700 * 4
