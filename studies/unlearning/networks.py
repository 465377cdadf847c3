"""Networks of the study: the published check's, ResNet-20, and a small Vision Transformer."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, relu

from antigrad.unlearning.digits.networks import Block as Attending


def mlp() -> nn.Module:
    """The network of the published check: 64 → 128 → 64 → 10; its random stream is seeded by who calls."""
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))


class Block(nn.Module):
    """Two convolutions and a shortcut without parameters: where the map halves, channels of zeros are added (A).

    Args:
        before: Channels in.
        after: Channels out.
        stride: Of the first convolution.
    """

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.stride, self.frame = stride, (after - before) // 2
        self.conv1 = nn.Conv2d(before, after, 3, stride, padding=1, bias=False)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(after), nn.BatchNorm2d(after)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the next map."""
        found = self.bn2(self.conv2(relu(self.bn1(self.conv1(x)))))
        short = pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.frame, self.frame))
        return relu(found + short)


class ResNet20(nn.Module):
    """ResNet-20 for 32 × 32 pixels: He et al. 2015, arXiv 1512.03385, Section 4.2; 269,722 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16)
        widths = ((16, 16, 1), (16, 32, 2), (32, 64, 2))
        self.layer1, self.layer2, self.layer3 = (
            nn.Sequential(Block(a, b, stride), *(Block(b, b, 1) for _ in range(2))) for a, b, stride in widths
        )
        self.linear = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 32, 32) to (N, 10) logits."""
        x = self.layer3(self.layer2(self.layer1(relu(self.bn1(self.conv1(x))))))
        return self.linear(x.mean((2, 3)))


class ViT(nn.Module):
    """A Vision Transformer for MNIST: patches of 4 × 4, six blocks 64 wide, class token: 205,962 parameters."""

    def __init__(self) -> None:
        super().__init__()
        width = 64
        self.patches = nn.Conv2d(1, width, 4, stride=4)
        self.class_token = nn.Parameter(torch.randn(1, 1, width) * 0.02)
        self.positions = nn.Parameter(torch.randn(1, 50, width) * 0.02)
        self.blocks = nn.Sequential(*(Attending(width, 4) for _ in range(6)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, 28, 28) to (N, 10) logits."""
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.class_token.expand(len(x), -1, -1), tokens], 1) + self.positions
        return self.head(self.norm(self.blocks(tokens))[:, 0])
