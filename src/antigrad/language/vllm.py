"""Generation by vLLM, where it is installed: all questions in one call. It only generates; transformers measures.

vLLM needs a CUDA device, and this file was written from its documentation: it is tested against a stand-in for the
package, never yet against vLLM itself. Its seeded draws differ from those of the transformers engine, and are not
promised to be the same in another batch: of an interrupted run the rows that are done stay, the others are drawn
again.
"""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch

from antigrad.core.errors import AntigradError
from antigrad.language.embedded import EMBEDDED


@dataclass(frozen=True)
class Request:
    """What vLLM is asked for each question.

    Args:
        prompt: Token ids.
        seed: Of the draws.
    """

    prompt: list[int]
    seed: int


@dataclass(frozen=True)
class Drafts:
    """Token ids that came back for one question: the samples, and the greedy response."""

    samples: list[list[int]]
    greedy: list[int]


def installed() -> bool:
    """Tell whether vLLM can be imported, without importing it.

    Returns:
        True if its package is there.
    """
    return find_spec("vllm") is not None


def chosen(engine: str, device: str, *, adapter: bool) -> bool:
    """Decide whether vLLM generates for a model.

    Args:
        engine: `auto`, `transformers` or `vllm`.
        device: As given; `cpu` rules it out.
        adapter: The model is an adapter, merged in memory where vLLM can't see it.

    Returns:
        True if it does.
    """
    if engine != "auto":
        return engine == "vllm"
    return not adapter and device != "cpu" and torch.cuda.is_available() and installed()


def generate(
    name: str,
    requests: Sequence[Request],
    *,
    count: int,
    max_new_tokens: int,
    temperature: float,
    ends: list[int],
    stop: str | None,
    dtype: str,
    trust_remote_code: bool,
) -> list[Drafts]:
    """Generate for many questions at once, and free the memory again.

    Args:
        name: An embedded model, a folder, or a hub name.
        requests: Prompts with their seeds.
        count: Samples a question.
        max_new_tokens: Longest response in tokens.
        temperature: Sampling temperature; no other change to the distribution is made.
        ends: Tokens that end a response.
        stop: Text that ends one.
        dtype: `float32`, `bfloat16` or `float16`.
        trust_remote_code: Run code that comes with the model.

    Returns:
        Token ids for each request, in order, with what ended them.

    Raises:
        AntigradError: vLLM failed, with its reason.
    """
    vllm: Any = import_module("vllm")
    source = str(EMBEDDED[name]()) if name in EMBEDDED else name
    common = {"max_tokens": max_new_tokens, "stop_token_ids": ends, "include_stop_str_in_output": True}
    common |= {"stop": [stop]} if stop is not None else {}
    plain = {"temperature": temperature, "top_p": 1.0, "top_k": 0}
    prompts = [{"prompt_token_ids": request.prompt} for request in requests]
    longest = max(len(request.prompt) for request in requests) + max_new_tokens
    drawn = [vllm.SamplingParams(n=count, seed=request.seed % 2**31, **plain, **common) for request in requests]
    greedy = vllm.SamplingParams(n=1, temperature=0.0, **common)
    try:
        # A model's own file may ask for top-p or penalties; `generation_config="vllm"` leaves the plain softmax.
        options = {"generation_config": "vllm", "max_model_len": longest, "trust_remote_code": trust_remote_code}
        engine = vllm.LLM(model=source, dtype=dtype, **options)
        outputs = engine.generate(prompts, drawn), engine.generate(prompts, greedy)
        del engine
    except Exception as error:  # vLLM raises whatever its worker raised
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise AntigradError(
            f"vllm with {name!r}: {reason}", "a model and a machine that vLLM takes", "choose --engine transformers"
        ) from error
    finally:
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
    return [
        Drafts([list(one.token_ids) for one in some.outputs], list(best.outputs[0].token_ids))
        for some, best in zip(*outputs, strict=True)
    ]
