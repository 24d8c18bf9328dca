"""The encoder of sensor traces: convolutions over time."""

from torch import Tensor, nn

from .sequence import Sequence, check_mask, convolution, finish, hide


class SensorCNN(nn.Module):
    """Convolutions over time that see all sensor axes at once; the mean over time is the vector.

    The first two stages halve the time, so that one vector stands for 4 steps; with three stages it has seen 29. The
    same movement 4 steps later has the same vector, except where it touches the ends.

    Args:
        width: D, the length of the vector.
        axes: C, numbers measured in each step, such as 3 of an accelerometer and 3 of a gyroscope. Scale them so that
            their spread is about 1.
        channels: of the stages.
    """

    def __init__(self, width: int, axes: int = 6, channels: tuple[int, ...] = (64, 128, 256)):
        super().__init__()
        self.strides = [2 if stage < 2 else 1 for stage in range(len(channels))]
        self.convolutions = nn.ModuleList(
            convolution(nn.Conv1d(before, now, 5, stride, 2))
            for before, now, stride in zip((axes, *channels), channels, self.strides)
        )
        self.norm = nn.LayerNorm(channels[-1])
        self.project = nn.Linear(channels[-1], width)
        self.axes = axes

    def sequence(self, trace: Tensor, mask: Tensor | None = None) -> Sequence:
        """(B, T, C), mask (B, T) True where something was measured -> one vector for 4 steps, L = T / 4, rounded up.

        Raises:
            ValueError: another number of axes, or a mask of another shape or type.
        """
        B, T, C = trace.shape
        if C != self.axes:
            raise ValueError(f"this encoder takes traces of {self.axes} axes, (B, T, {self.axes}), got {C} axes.")
        check_mask(mask, B, T)
        x = hide(trace.transpose(1, 2), mask)  # (B, C, T)
        for conv, stride in zip(self.convolutions, self.strides):
            mask = mask if mask is None else mask[:, ::stride]  # a moment is there where the middle it looks at is
            x = hide(nn.functional.gelu(conv(x)), mask)
        return finish(self.project(self.norm(x.transpose(1, 2))), mask)

    def forward(self, trace: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, T, C) -> (B, D), the mean of the sequence."""
        return self.sequence(trace, mask).mean()
