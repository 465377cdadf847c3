r"""Pointwise V-information of a response about the gold answer, measured once, offline, under the initial policy.

$$\mathrm{PVI}(c\to y|x)=\log\pi_0(y|x,c)-\log\pi_0(y|x)$$

Symbols: x prompt, c the response's chain without its final answer, y gold answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.core.files import write_atomic
from antigrad.language.measure import batches
from antigrad.language.policy import Policy
from antigrad.posttraining.pairs.contexts import InContext, Pooling, PviOptions, in_context
from antigrad.posttraining.pairs.pair import Pair


def check_answers(pairs: Sequence[Pair]) -> None:
    """Refuse pairs without a gold answer.

    Args:
        pairs: The pairs.

    Raises:
        InputValueError: The rows that have none.
    """
    missing = [pair.row for pair in pairs if not pair.answer.strip()]
    if missing:
        given = f"no answer in rows {missing[:8]}{'…' if len(missing) > 8 else ''}"
        raise InputValueError(given, "the gold answer of every pair", "add a column answer, or choose another rule")


def pvi_of(policy: Policy, pairs: Sequence[Pair], options: PviOptions) -> Tensor:
    """Measure PVI of the rejected response of each pair.

    Args:
        policy: The policy that training starts from.
        pairs: Pairs with a gold answer.
        options: How.

    Returns:
        (B,) float64, nats.

    Raises:
        InputValueError: A pair has no answer, or a sequence is too long.

    Sign: below 0 where the rejected chain makes the gold answer less likely than no chain does.

    Source: Wang et al. 2025 (VPO; OpenReview LCZmI3iM8X), Sec. 3.3; Lu et al. 2023 (in-context PVI).

    Deviations: natural logarithm; the paper leaves the cut, pooling and the prompt of the second term open.
    """
    check_answers(pairs)
    asked: dict[InContext, int] = {}
    both = in_context(policy.tokenizer, pairs, options)
    # Pairs of one prompt share the pass without a chain; so do repeated chains.
    places = [[asked.setdefault(sequence, len(asked)) for sequence in row] for row in both]
    values = answer_log_probs(policy, list(asked), options)
    place = torch.tensor(places)
    return values[place[:, 0]] - values[place[:, 1]]


@torch.no_grad()
def answer_log_probs(
    policy: Policy, sequences: Sequence[tuple[Sequence[int], Sequence[int]]], options: PviOptions
) -> Tensor:
    """Log-probability of answers after their contexts; logits are made where answers stand, and nowhere else.

    Args:
        policy: The model.
        sequences: Context and answer, as token ids.
        options: Pooling and batch size.

    Returns:
        (N,) float64, nats.

    Raises:
        InputValueError: One is NaN or infinite.
    """
    lengths = torch.tensor([len(context) + len(answer) for context, answer in sequences])
    mask = torch.arange(int(lengths.max())) < lengths[:, None]
    values = torch.zeros(len(sequences), dtype=torch.float64)
    for rows in batches(mask, torch.arange(len(sequences)), options.rows_at_once):
        width = int(lengths[rows].max())
        chosen = [sequences[row] for row in rows.tolist()]
        ids = torch.zeros(len(chosen), width, dtype=torch.long)
        for place, (context, answer) in enumerate(chosen):
            ids[place, : len(context) + len(answer)] = torch.tensor([*context, *answer])
        states = policy.model.base_model(input_ids=ids.to(policy.device), use_cache=False).last_hidden_state
        spans = [(len(context) - 1, len(context) + len(answer) - 1) for context, answer in chosen]
        # One product for all answers of the batch: they are a few tokens each.
        here = torch.cat([states[place, low:high] for place, (low, high) in enumerate(spans)])
        logits = policy.model.get_output_embeddings()(here).float()
        labels = torch.tensor([token for _, answer in chosen for token in answer], device=logits.device)
        found = (logits.gather(-1, labels[:, None])[:, 0] - logits.logsumexp(-1)).double().cpu()
        pieces = found.split([high - low for low, high in spans])
        values[rows] = torch.stack([_pooled(piece, options.pooling) for piece in pieces])
    if not bool(values.isfinite().all()):
        raise InputValueError("NaN or infinite log-probabilities", "finite ones", "check the model's weights and dtype")
    return values


def _pooled(values: Tensor, pooling: Pooling) -> Tensor:
    return values[0] if pooling == "first" else values.mean() if pooling == "mean" else values.sum()


def fingerprint(policy: Policy) -> str:
    """Name a policy by its weights and its tokenizer.

    Args:
        policy: The policy.

    Returns:
        A hash.
    """
    digest = hashlib.sha256()
    for name, tensor in policy.model.state_dict().items():
        flat = tensor.detach().cpu().contiguous().flatten()
        digest.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
        digest.update(memoryview(flat.view(torch.uint8).numpy()))
    template = getattr(policy.tokenizer, "chat_template", None)
    digest.update(repr((template, len(policy.tokenizer), policy.tokenizer.eos_token)).encode())
    return digest.hexdigest()


def cached_pvi(policy: Policy, pairs: Sequence[Pair], options: PviOptions, folder: Path) -> Tensor:
    """Measure PVI, and keep it: one Parquet file, one row per pair.

    Args:
        policy: The policy that training starts from.
        pairs: Pairs with a gold answer.
        options: How.
        folder: Where the file lies; it is named by a key of pairs, weights, tokenizer, template and options.

    Returns:
        (B,) float64, nats.
    """
    import pyarrow as pa
    import pyarrow.parquet as parquet

    content = [(pair.prompt, pair.chosen, pair.rejected, pair.answer, dict(pair.options)) for pair in pairs]
    settings = (options.marker, options.cut, options.pooling, options.max_length)
    key = hashlib.sha256(repr((content, settings, fingerprint(policy))).encode()).hexdigest()[:32]
    path = folder / f"pvi-{key}.parquet"
    if path.exists():
        with suppress(pa.ArrowException, OSError, ValueError, TypeError, KeyError):  # a damaged one is made again
            table = parquet.read_table(path, page_checksum_verification=True)
            known = torch.tensor(table.column("pvi").to_pylist(), dtype=torch.float64)
            if known.shape == (len(pairs),) and bool(known.isfinite().all()):
                return known
    values = pvi_of(policy, pairs, options)
    columns: Mapping[str, list[Any]] = {"row": [pair.row for pair in pairs], "pvi": values.tolist()}
    sink = pa.BufferOutputStream()
    parquet.write_table(pa.table(dict(columns)), sink, write_page_checksum=True)
    write_atomic(path, sink.getvalue().to_pybytes())
    return values
