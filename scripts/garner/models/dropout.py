"""Dropout that is quick on a CPU, too."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class ByteDropout(nn.Module):
    """As nn.Dropout with the share `p`, which on a CPU is rounded to a 256th: a random byte decides.

    nn.Dropout draws a number of 32 bits for each element there, one after the other, which takes a tenth of a
    step of training. The bytes are from torch's generator as well, so that a saved state resumes exactly.
    """

    def __init__(self, p: float):
        super().__init__()
        self.p = p

    def forward(self, values: Tensor) -> Tensor:
        if not self.training or not self.p:
            return values
        if values.device.type != "cpu":
            return functional.dropout(values, self.p)
        dropped = round(256 * self.p)
        words = torch.empty((values.numel() + 7) // 8, dtype=torch.int64).random_(-(2**63), None)
        kept = words.view(torch.uint8)[: values.numel()].view(values.shape) >= dropped
        return values * kept.to(values.dtype).mul_(256 / (256 - dropped))


def quicken(module: nn.Module) -> None:
    """Put a ByteDropout in the place of every nn.Dropout in `module`."""
    for part in list(module.modules()):
        for name, child in part.named_children():
            if type(child) is nn.Dropout:
                setattr(part, name, ByteDropout(child.p))
