"""The didactic bandit of Tajwar et al. in tokens: a small transformer, nine tokens after a random prompt token."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional

from antigrad.lab.presets import tanh_cauchy
from antigrad.lab.stacked import Weights, World, choose, layer_norm, linear
from antigrad.objectives.divergence import kl

VOCABULARY, NEW, WIDTH, HEADS, LAYERS = 100, 9, 48, 3, 3


@dataclass(frozen=True)
class TokenWorld(World):
    r"""A causal transformer (3 layers, 3 heads, width 48) over 100 tokens.

    $$R=\frac1{10}\sum_{i=0}^9e^{-((a_i-c)/10)^2}$$

    The prompt token counts. The reference is the network after `sft_steps` Adam steps on
    $\mathrm{KL}(\pi_\theta\|\pi_{data})$ along its own rollouts.

    Args:
        shift: Score token t by the logits before it. Off reproduces the released code, which scores it by the logits
            that have seen it; sampling is right in both.
        sft_steps: Steps that make the reference.
        sft_prompts: Prompts in each of them.

    Source: Tajwar et al. 2024, arXiv 2404.14367, released code: gpt-nano, rewards number 6 and 7.

    Deviations: no dropout, 16 prompts a reference step instead of 1, exact masses of the data law.

    Example:
        >>> world = TokenWorld(sft_steps=1, sft_prompts=2)
        >>> weights, _ = world.start([0])
        >>> numbers = torch.Generator().manual_seed(0)
        >>> world.rollout(weights, world.prompts(4, numbers)[None], numbers).shape
        torch.Size([1, 4, 10])
    """

    shift: bool = True
    sft_steps: int = 100
    sft_prompts: int = 16
    law: Tensor = field(default_factory=lambda: tanh_cauchy(VOCABULARY).float(), repr=False)

    def start(self, seeds: list[int]) -> tuple[Weights, float]:  # noqa: D102
        weights = _stack([_initial(seed) for seed in seeds])
        numbers = torch.Generator().manual_seed(seeds[0])
        optimizer = torch.optim.Adam(list(weights.values()), lr=0.01)
        loss = torch.zeros(())
        for _ in range(self.sft_steps):
            prompts = torch.stack([self.prompts(self.sft_prompts, numbers) for _ in seeds])
            ids = self.rollout(weights, prompts, numbers)
            with torch.enable_grad():
                log_pi = logits(weights, ids[..., :-1]).log_softmax(-1)
                loss = kl(log_pi, self.law.log().expand_as(log_pi)).sum(-1).mean(-1).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return {name: value.detach() for name, value in weights.items()}, loss.item() / len(seeds)

    def prompts(self, count: int, numbers: torch.Generator) -> Tensor:  # noqa: D102
        return torch.randint(0, VOCABULARY, (count,), generator=numbers)

    @torch.no_grad()
    def rollout(self, weights: Weights, prompts: Tensor, numbers: torch.Generator) -> Tensor:  # noqa: D102
        ids, caches = prompts[..., None], [torch.empty(0)] * LAYERS
        for place in range(NEW):
            last = _forward(weights, ids[..., -1:], place, caches)[:, :, 0]
            ids = torch.cat([ids, choose(last, numbers)[..., None]], -1)
        return ids

    def token_log_probs(self, weights: Weights, samples: Tensor) -> Tensor:  # noqa: D102
        inputs, targets = (samples[..., :-1], samples[..., 1:]) if self.shift else (samples, samples)
        return logits(weights, inputs).log_softmax(-1).gather(-1, targets[..., None])[..., 0]

    @torch.no_grad()
    def reference_log_probs(self, reference: Weights, samples: Tensor) -> Tensor:  # noqa: D102
        return self.token_log_probs(reference, samples).sum(-1)

    def first_rollout(self, reference: Weights, prompts: Tensor, numbers: torch.Generator) -> Tensor:  # noqa: D102
        return self.rollout(reference, prompts, numbers)

    def rewards(self, samples: Tensor, centres: Tensor) -> Tensor:  # noqa: D102
        distance = (samples.double() - centres.double()[:, None, None]) / 10
        return torch.exp(-(distance**2)).mean(-1).round(decimals=9)


def _initial(seed: int) -> Weights:
    # minGPT's: normal weights of deviation 0.02, biases 0, no weight tying.
    numbers = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return 0.02 * torch.randn(*shape, generator=numbers)

    weights = {"tokens": normal(VOCABULARY, WIDTH), "places": normal(NEW + 1, WIDTH), "head": normal(WIDTH, VOCABULARY)}
    shapes = {"qkv": (WIDTH, 3 * WIDTH), "out": (WIDTH, WIDTH), "up": (WIDTH, 4 * WIDTH), "down": (4 * WIDTH, WIDTH)}
    for layer in range(LAYERS):
        for name, shape in shapes.items():
            weights[f"{layer}.{name}.w"], weights[f"{layer}.{name}.b"] = normal(*shape), torch.zeros(shape[1])
    for name in [f"{layer}.norm{place}" for layer in range(LAYERS) for place in (1, 2)] + ["norm"]:
        weights[f"{name}.w"], weights[f"{name}.b"] = torch.ones(WIDTH), torch.zeros(WIDTH)
    return weights


def _stack(networks: list[Weights]) -> Weights:
    return {name: torch.stack([net[name] for net in networks]).requires_grad_() for name in networks[0]}


def logits(weights: Weights, ids: Tensor) -> Tensor:
    """Run the networks on whole sequences.

    Args:
        weights: Of A networks.
        ids: (A, B, T) tokens.

    Returns:
        (A, B, T, 100) logits of the next tokens.
    """
    return _forward(weights, ids, 0, None)


def _forward(weights: Weights, ids: Tensor, place: int, caches: list[Tensor] | None) -> Tensor:
    # With caches, `ids` is one new token at `place`, and the keys and values of those before it are in them.
    count, batch, length = ids.shape
    offsets = torch.arange(count)[:, None, None] * VOCABULARY
    x = functional.embedding(ids + offsets, weights["tokens"].reshape(-1, WIDTH))
    x = (x + weights["places"][:, None, place : place + length]).reshape(count, batch * length, WIDTH)
    for layer in range(LAYERS):
        qkv = linear(weights, f"{layer}.qkv", layer_norm(weights, f"{layer}.norm1", x))
        qkv = qkv.view(count * batch, length, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
        query, pairs = qkv[0], qkv[1:]
        if caches is not None:
            pairs = pairs if place == 0 else torch.cat([caches[layer], pairs], -2)
            caches[layer] = pairs
        mixed = functional.scaled_dot_product_attention(query, pairs[0], pairs[1], is_causal=caches is None)
        x = x + linear(weights, f"{layer}.out", mixed.transpose(1, 2).reshape(count, batch * length, WIDTH))
        inner = functional.gelu(
            linear(weights, f"{layer}.up", layer_norm(weights, f"{layer}.norm2", x)), approximate="tanh"
        )
        x = x + linear(weights, f"{layer}.down", inner)
    return (layer_norm(weights, "norm", x) @ weights["head"]).view(count, batch, length, VOCABULARY)
