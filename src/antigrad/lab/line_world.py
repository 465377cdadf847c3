"""The didactic bandit of Tajwar et al. on a line: one action of a hundred, a small network on irrelevant contexts."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from antigrad.lab.presets import tanh_cauchy
from antigrad.lab.stacked import Weights, World, choose, layer_norm, linear
from antigrad.objectives.divergence import kl

ACTIONS, CONTEXT = 100, 100
_SHAPES = {"first": (CONTEXT, 50), "second": (50, 256), "third": (256, 256), "last": (256, ACTIONS)}


@dataclass(frozen=True)
class LineWorld(World):
    r"""A network 100 → 50 → 256 → 256 → 100 on contexts drawn uniformly, which say nothing about the reward.

    $$R=e^{-((a-c)/10)^2}$$

    The reference is the data law itself, and the first round samples from it. Samples are (context, action).

    Args:
        sft_steps: Adam steps on $\mathrm{KL}(\pi_\theta\|\pi_{data})$ that make the first policy.
        sft_prompts: Contexts in each of them.

    Source: Tajwar et al. 2024, arXiv 2404.14367, released code, one-dimensional bandit, rewards number 4 and 5.

    Deviations: exact masses of the data law; fresh contexts in the reference steps.

    Example:
        >>> world = LineWorld(sft_steps=1)
        >>> weights, _ = world.start([0])
        >>> numbers = torch.Generator().manual_seed(0)
        >>> world.rollout(weights, world.prompts(4, numbers)[None], numbers).shape
        torch.Size([1, 4, 101])
    """

    sft_steps: int = 100
    sft_prompts: int = 64
    law: Tensor = field(default_factory=lambda: tanh_cauchy(ACTIONS).float(), repr=False)

    def start(self, seeds: list[int]) -> tuple[Weights, float]:  # noqa: D102
        numbers = torch.Generator().manual_seed(seeds[0])
        weights: Weights = {"norm.w": torch.ones(len(seeds), 50), "norm.b": torch.zeros(len(seeds), 50)}
        for name, (fan_in, fan_out) in _SHAPES.items():
            bound = 0.01 * (6 / (fan_in + fan_out)) ** 0.5  # Xavier-uniform with gain 0.01
            weights[f"{name}.w"] = bound * (2 * torch.rand(len(seeds), fan_in, fan_out, generator=numbers) - 1)
            weights[f"{name}.b"] = torch.zeros(len(seeds), fan_out)
        leaves = [value.requires_grad_() for value in weights.values()]
        optimizer, loss = torch.optim.Adam(leaves, lr=0.01), torch.zeros(())
        for _ in range(self.sft_steps):
            contexts = torch.stack([self.prompts(self.sft_prompts, numbers) for _ in seeds])
            with torch.enable_grad():
                log_pi = line_logits(weights, contexts).log_softmax(-1)
                loss = kl(log_pi, self.law.log().expand_as(log_pi)).mean(-1).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return {name: value.detach() for name, value in weights.items()}, loss.item() / len(seeds)

    def prompts(self, count: int, numbers: torch.Generator) -> Tensor:  # noqa: D102
        return torch.rand(count, CONTEXT, generator=numbers)

    @torch.no_grad()
    def rollout(self, weights: Weights, prompts: Tensor, numbers: torch.Generator) -> Tensor:  # noqa: D102
        actions = choose(line_logits(weights, prompts), numbers)
        return torch.cat([prompts, actions[..., None].to(prompts)], -1)

    def token_log_probs(self, weights: Weights, samples: Tensor) -> Tensor:  # noqa: D102
        log_pi = line_logits(weights, samples[..., :-1]).log_softmax(-1)
        return log_pi.gather(-1, samples[..., -1:].long())

    def reference_log_probs(self, reference: Weights, samples: Tensor) -> Tensor:  # noqa: D102
        return self.law.log()[samples[..., -1].long()]

    def first_rollout(self, reference: Weights, prompts: Tensor, numbers: torch.Generator) -> Tensor:  # noqa: D102
        actions = choose(self.law.log().expand(*prompts.shape[:-1], ACTIONS), numbers)
        return torch.cat([prompts, actions[..., None].to(prompts)], -1)

    def rewards(self, samples: Tensor, centres: Tensor) -> Tensor:  # noqa: D102
        return torch.exp(-(((samples[..., -1].double() - centres.double()[:, None]) / 10) ** 2)).round(decimals=9)


def line_logits(weights: Weights, contexts: Tensor) -> Tensor:
    """Run the networks.

    Args:
        weights: Of A networks.
        contexts: (A, B, 100).

    Returns:
        (A, B, 100) logits of the actions.
    """
    x = layer_norm(weights, "norm", linear(weights, "first", contexts)).relu()
    x = linear(weights, "second", x).relu()
    return linear(weights, "last", linear(weights, "third", x).relu())
