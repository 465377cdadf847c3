"""Loading a policy: an embedded model, a local folder or a Hub name, with its head checked to be plain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from antigrad.core.errors import AntigradError, InputValueError
from antigrad.credit import Head
from antigrad.language.adapters import adapter_of, attached, computing, merged
from antigrad.language.limits import check_padding
from antigrad.language.reading import read_model, read_tokenizer, reason_of
from antigrad.language.reads import check_causal

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
# What other model families call a factor or a cap on the logits, and the value at which it does nothing.
_LOGIT_CHANGES = {
    "final_logit_softcapping": None,
    "logits_soft_cap": None,
    "logit_scale": 1.0,
    "logits_scaling": 1.0,
    "lm_head_multiplier": 1.0,
    "output_multiplier_scale": 1.0,
}


@dataclass(frozen=True)
class Policy:
    """A causal language model with its tokenizer.

    Args:
        model: The model, in evaluation mode.
        tokenizer: Its tokenizer.
        name: The name it was asked for by.
    """

    model: Any
    tokenizer: Any
    name: str

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.model.parameters()).device

    @property
    def head_weight(self) -> Tensor:
        """(V, d) output matrix, tied or not."""
        return self.model.get_output_embeddings().weight

    def head(self, temperature: float) -> Head:
        """Return the head at a sampling temperature, for the influence kernel.

        Args:
            temperature: t > 0.

        Returns:
            A view of the weights, not a copy.
        """
        return Head(self.head_weight.detach(), temperature)

    def hidden(self, prompt: Tensor, responses: Tensor) -> Tensor:
        """States after the final norm that predict the tokens of responses to one prompt.

        The prompt is run once; the responses share its keys and values, with and without gradients.

        Args:
            prompt: (P,) token ids, at least one.
            responses: (B, T) token ids, padded on the right: causal attention keeps padding out.

        Returns:
            (B, T, d); state k predicts token k of its response.
        """
        count, width = responses.shape
        backbone = backbone_of(self.model)
        read = backbone(input_ids=prompt[None], use_cache=True)
        first = read.last_hidden_state[:, -1:].expand(count, -1, -1)
        if width == 1:
            return first
        # transformers renamed this in 5.24 and warns of the old name.
        name = "cache" if "cache" in read else "past_key_values"
        shared = read[name]
        shared.batch_repeat_interleave(count)
        rest = backbone(input_ids=responses[:, :-1], use_cache=True, **{name: shared})
        return torch.cat([first, rest.last_hidden_state], 1)


def backbone_of(model: Any) -> Any:
    """Find what a causal language model computes its last states with.

    Args:
        model: The model; of some families `base_model` is the model itself.

    Returns:
        The part below the head.
    """
    candidates = [
        model.base_model,
        model.get_decoder(),
        *(getattr(model, name, model) for name in ("model", "transformer")),
    ]
    return next((one for one in candidates if one is not model), model)


def load_policy(name: str, *, device: str = "auto", dtype: str = "float32", trust_remote_code: bool = False) -> Policy:
    """Load a policy.

    Args:
        name: `smollm2-135m-instruct`, `tiny`, a local folder, also one with a PEFT adapter, or a name on the model hub.
        device: `auto` (CUDA if there is one), or a torch device.
        dtype: `float32`, `bfloat16` or `float16`. float32 is exact; see `benchmarks/decoding.py`.
        trust_remote_code: Run code that comes with the model; off unless asked for.

    Returns:
        The policy, in evaluation mode.

    Raises:
        AntigradError: The model is missing or unreadable.
        InputValueError: The dtype or device is unknown, or the head is not a plain matrix.
    """
    policy = load_any(name, device=device, dtype=dtype, trust_remote_code=trust_remote_code)
    check_causal(policy.model, name)
    check_head(policy)
    return policy


def load_any(
    name: str,
    *,
    device: str = "auto",
    dtype: str = "float32",
    trust_remote_code: bool = False,
    with_tokenizer: bool = True,
    base: str | None = None,
    to_train: bool = False,
) -> Policy:
    """Load a causal language model, whatever its head does.

    Args:
        name: As for `load_policy`.
        device: `auto` (CUDA if there is one), or a torch device.
        dtype: `float32`, `bfloat16` or `float16`.
        trust_remote_code: Run code that comes with the model; off unless asked for.
        with_tokenizer: Load its tokenizer too; None otherwise. A checkpoint in mid-training may have none.
        base: The model that an adapter was trained on, where the one it names is not on this machine.
        to_train: Leave an adapter beside the weights, to be trained on, instead of merging it into them.

    Returns:
        The policy, in evaluation mode.

    Raises:
        AntigradError: The model is missing or unreadable.
        InputValueError: The dtype or device is unknown, or weights are missing.
    """
    from transformers import GenerationConfig

    if dtype not in DTYPES:
        raise InputValueError(f"dtype {dtype!r}", ", ".join(DTYPES), "float32 is the default")
    place = _device(device)
    adapter = adapter_of(name)
    source = name if adapter is None else adapter.base(base)
    below = adapter_of(source) if adapter is not None and not adapter.embedded else None
    if below is not None:
        raise AntigradError(f"{name} is an adapter of {source}, itself an adapter", "a whole model", "merge that first")
    trust: Any = {"trust_remote_code": trust_remote_code}
    tokenizer = None
    if with_tokenizer:
        own = adapter is not None and (adapter.folder / "tokenizer_config.json").is_file()
        tokenizer = read_tokenizer(name if own else source, **trust)
        if tokenizer.eos_token_id is None:
            raise InputValueError(f"the tokenizer of {name!r} has no end-of-sequence token", "one", "set eos_token")
    model = read_model(source, dtype=DTYPES[dtype], **trust)
    # A model's file may ask for top-p or a repetition penalty; the policy that is trained is the softmax itself.
    ends = {key: getattr(model.generation_config, key) for key in ("eos_token_id", "pad_token_id")}
    model.generation_config = GenerationConfig(**ends)
    if adapter is not None:
        model = attached(model, adapter, trainable=True) if to_train else merged(model, adapter)
    if tokenizer is not None:
        check_padding(model, tokenizer, name)
    return Policy(model.to(place).eval(), tokenizer, name)


def check_head(policy: Policy) -> None:
    """Refuse heads whose logits are not W h: capped, scaled, biased.

    Args:
        policy: The loaded model.

    Raises:
        InputValueError: The head does something else than multiply.
    """
    config, head = policy.model.config.get_text_config(), computing(policy.model.get_output_embeddings())
    expected, hint = (
        "a plain head, logits = W h",
        "influence scores are defined for plain heads only: use another model",
    )
    for key, harmless in _LOGIT_CHANGES.items():
        value = getattr(config, key, harmless)
        if value is not None and value != harmless:
            raise InputValueError(f"{policy.name!r} with {key}={value}", expected, hint)
    if not isinstance(head, nn.Linear) or cast(Any, head).bias is not None:
        kind = "a bias" if isinstance(head, nn.Linear) else f"a {type(head).__name__}"
        raise InputValueError(f"{policy.name!r} whose head has {kind}", expected, hint)
    # A family may scale, or keep its past, in a way no list knows: ask the model itself.
    ids = torch.arange(1, 9, device=policy.device) % config.vocab_size
    with torch.no_grad():
        try:
            # In half precision the two ways round too differently to tell: there the head alone is asked.
            exact = policy.head_weight.dtype == torch.float32
            shared = policy.hidden(ids[:4], ids[None, 4:].expand(2, -1))  # by two, or nothing is shared
            states = shared if exact else backbone_of(policy.model)(input_ids=ids[None]).last_hidden_state[:, 3:-1]
            ours = head(states).float()
        except Exception as error:  # families raise what they like of a past that they have none of
            if "memory" in str(error):
                raise
            kind, reason = type(policy.model).__name__, f"{type(error).__name__}: {reason_of(error)}"
            given = f"{policy.name!r} ({kind}), whose past can't be shared between responses ({reason})"
            raise InputValueError(given, "a transformer with keys and values", "use another model") from error
        theirs = policy.model(input_ids=ids[None]).logits[:, 3:-1].float()
    if not bool(torch.isfinite(theirs).all()):
        raise InputValueError(
            f"{policy.name!r} gives NaN or infinite logits", "finite logits", "check its weights or dtype"
        )
    if not torch.allclose(ours, theirs, rtol=1e-2, atol=1e-2 * float(theirs.abs().max())):
        raise InputValueError(f"{policy.name!r} whose logits differ from W h", expected, hint)


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros((), device=device).item()  # no device, or one that holds no values
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise InputValueError(f"device {name!r}: {reason}", "auto, cpu, cuda or cuda:N", "use auto") from error
    return device
