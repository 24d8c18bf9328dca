"""Our attention against ``scaled_dot_product_attention`` on this device, forward and backward."""

import torch
import torch.nn.functional as F

from mmatl_lab.nn.attention import attend
from mmatl_lab.training import machine

from .comparison import Comparison, seconds

B, H, D = 128, 4, 32


def against_sdpa(length: int, repeats: int = 10) -> Comparison:
    """Seconds of the fused call over those of ``attend``, which chooses by device; ``length`` tokens, with a mask.

    In the precision in which ``Run`` trains here: bf16 where the device has instructions for it.
    """
    computer = machine()
    dtype = torch.bfloat16 if computer.bf16 else torch.float32
    q, k, v = (torch.randn(B, H, length, D, device=computer.device, dtype=dtype, requires_grad=True) for _ in range(3))
    mask = torch.rand(B, length, device=computer.device) < 0.8
    mask[:, 0] = True

    def both_ways(result: torch.Tensor) -> None:
        result.float().square().mean().backward()
        if computer.device == "cuda":
            torch.cuda.synchronize()

    def fused() -> None:
        for _ in range(repeats):
            both_ways(F.scaled_dot_product_attention(q, k, v, attn_mask=mask[:, None, None]))

    def ours() -> None:
        for _ in range(repeats):
            both_ways(attend(q, k, v, mask))

    slow, fast = (1000 * found / repeats for found in seconds(fused, ours))
    what = f"attention over {length} tokens in {str(dtype)[6:]}, forward and backward, against SDPA alone"
    return Comparison(what, slow / fast, {"SDPA ms": slow, "ours ms": fast})
