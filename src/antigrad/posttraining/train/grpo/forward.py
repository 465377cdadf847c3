"""TRL's way to log-probabilities, tried on a few tokens before anything is sampled."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.language.reading import reason_of
from antigrad.language.reads import close
from antigrad.posttraining.train.positions import count_real_tokens

_TOKENS, _RESPONSE = 8, 4


@torch.no_grad()
def check_forward(trainer: Any, model: Any) -> bool:
    """Refuse a model whose log-probabilities TRL can't take, or takes otherwise than the model gives them.

    Args:
        trainer: TRL's trainer.
        model: The bare model in it.

    Returns:
        True if prompts of different lengths, padded on the left, are read as they are alone.

    Raises:
        InputValueError: TRL fails on it, or gives other figures.
    """
    held = all(not one.is_meta and one.numel() for one in model.parameters())
    if not held or hasattr(trainer.processing_class, "image_processor"):
        return True  # sharded weights and images are TRL's own business
    if trainer.ref_model is not None:
        count_real_tokens(trainer.ref_model)
    alike = count_real_tokens(model)
    kind, was = type(model).__name__, trainer.model.training
    ids = torch.arange(1, _TOKENS + 1, device=next(model.parameters()).device)[None]
    ids = ids % len(model.get_input_embeddings().weight)
    trainer.model.eval()
    try:
        theirs = _theirs(trainer, ids, kind)
        logits = trainer.model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[:, -_RESPONSE - 1 : -1]
    finally:
        trainer.model.train(was)
    plain = (logits.float() / trainer.temperature).log_softmax(-1)
    plain = plain.gather(-1, ids[:, -_RESPONSE:, None])[..., 0]
    change = float((theirs.float() - plain).abs().max())
    if not close(model, theirs.float(), plain):
        given = f"{kind}, of whose log-probabilities TRL's are up to {change:.3g} nats away"
        raise InputValueError(given, "a model that TRL reads as it is", "use another model")
    return alike


def _theirs(trainer: Any, ids: Tensor, kind: str) -> Tensor:
    try:
        options = {"compute_aux_loss": True} if getattr(trainer, "aux_loss_enabled", False) else {}
        mask = torch.ones_like(ids)
        with _unreported(trainer):
            found = trainer._get_per_token_logps_and_entropies(trainer.model, ids, mask, _RESPONSE, **options)
    except Exception as error:  # whatever a family lacks that TRL expects
        reason = f"{type(error).__name__}: {reason_of(error)}"
        raise InputValueError(f"{kind}, on which TRL fails: {reason}", "a model it trains", "use another") from error
    return found[0]


@contextmanager
def _unreported(trainer: Any) -> Generator[None]:
    # TRL times its forwards and tells trackers, which wait for the training to begin.
    trackers, trainer.args.report_to = trainer.args.report_to, []
    try:
        yield
    finally:
        trainer.args.report_to = trackers


def check_alike(alike: bool, prompt_mask: Tensor, model: Any) -> None:
    """Refuse padded prompts where a model would read the padding.

    Args:
        alike: What `check_forward` found.
        prompt_mask: (B, P) True on tokens.
        model: The bare model, for the message.

    Raises:
        InputValueError: There is padding, and it would be read.
    """
    if not alike and not bool(prompt_mask.bool().all()):
        given = f"prompts of different lengths with {type(model).__name__}, which reads their padding on the left"
        raise InputValueError(given, "prompts of one length", "ask such questions, or use another model")
