"""The denoiser: which token stands at each masked place, seen from both sides and told the target reward."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from samplers.diffusion.conditioning import RewardEmbedding, mixed


@dataclass(frozen=True, slots=True)
class Size:
    """Blocks, width and heads of a transformer; dropout while training."""

    n_blocks: int
    width: int
    n_heads: int
    dropout: float = 0.0


SIZES = {
    "nano": Size(3, 64, 4),
    "cpu": Size(4, 128, 4),
    "cpu+": Size(6, 192, 6),
    "gpu-S": Size(8, 512, 8, 0.1),
    "gpu-M": Size(12, 768, 12, 0.1),
}


class Block(nn.Module):
    """Pre-norm attention and perceptron, shifted, scaled and gated by the condition; the identity at the start."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.n_heads, self.dropout = size.n_heads, size.dropout
        self.norm_attention = nn.LayerNorm(size.width, elementwise_affine=False)
        self.norm_mlp = nn.LayerNorm(size.width, elementwise_affine=False)
        self.qkv = nn.Linear(size.width, 3 * size.width)
        self.out = nn.Linear(size.width, size.width)
        self.mlp = nn.Sequential(
            nn.Linear(size.width, 4 * size.width), nn.GELU(), nn.Linear(4 * size.width, size.width)
        )
        self.modulation = nn.Linear(size.width, 6 * size.width)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """x (N, L, W) and condition (N, W) to (N, L, W)."""
        shift_a, scale_a, gate_a, shift_m, scale_m, gate_m = self.modulation(condition).unsqueeze(1).chunk(6, dim=-1)
        n, length, width = x.shape
        parts = self.qkv(self.norm_attention(x) * (1 + scale_a) + shift_a).view(n, length, 3, self.n_heads, -1)
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        drop = self.dropout if self.training else 0.0
        attended = F.scaled_dot_product_attention(q, k, v, dropout_p=drop).transpose(1, 2).reshape(n, length, width)
        x = x + (1 + gate_a) * F.dropout(self.out(attended), drop)
        return x + (1 + gate_m) * F.dropout(self.mlp(self.norm_mlp(x) * (1 + scale_m) + shift_m), drop)


class Denoiser(nn.Module):
    """Log-probabilities of clean tokens 0 … V − 1 at every place; token V is the mask, read but never written."""

    def __init__(self, n_tokens: int, length: int, size: Size) -> None:
        super().__init__()
        self.n_tokens, self.length = n_tokens, length
        self.tokens = nn.Embedding(n_tokens + 1, size.width)
        self.places = nn.Embedding(length, size.width)
        self.reward = RewardEmbedding(size.width)
        self.blocks = nn.ModuleList(Block(size) for _ in range(size.n_blocks))
        self.norm = nn.LayerNorm(size.width)
        self.head = nn.Linear(size.width, n_tokens)

    @property
    def mask(self) -> int:
        """The number of the mask token."""
        return self.n_tokens

    def initialise(self, source: torch.Generator) -> Denoiser:
        """Draw the weights from `source`; the modulation by the condition starts at nothing."""
        with torch.no_grad():
            for name, weight in self.named_parameters():
                if weight.dim() > 1:
                    weight.copy_(0.02 * torch.randn(weight.shape, generator=source))
                else:
                    weight.fill_(1.0 if name.endswith("norm.weight") else 0.0)
            for block in self.blocks:
                modulation = cast(Block, block).modulation
                modulation.weight.zero_()
        return self

    def forward(self, tokens: Tensor, reward: Tensor | None = None, free: Tensor | None = None) -> Tensor:
        """Log-probabilities (N, L, V) given tokens (N, L), standardised rewards (N,) or None, rows without one (N,)."""
        condition = F.silu(self.reward(reward, free, len(tokens)))
        x = self.tokens(tokens) + self.places.weight[: tokens.shape[1]]
        for block in self.blocks:
            x = block(x, condition)
        return torch.log_softmax(self.head(self.norm(x)).float(), dim=-1)

    def guided(self, tokens: Tensor, reward: Tensor | None, guidance: float) -> Tensor:
        """Log-probabilities under guidance γ: 0 without target, 1 with it, above 1 beyond it."""
        if reward is None or guidance == 0.0:
            return self(tokens)
        conditional = self(tokens, reward)
        return conditional if guidance == 1.0 else mixed(conditional, self(tokens), guidance)
