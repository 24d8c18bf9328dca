"""The encoder of plain feature vectors: columns of a table, or what another model computed."""

from torch import Tensor, nn


class MLPEncoder(nn.Module):
    """One hidden layer: Linear, batch norm if asked for, GELU, dropout, Linear.

    Args:
        out_dim: D. in_dim: F, the numbers of a feature vector. Scale them so that their spread is about 1.
        hidden_dim: width of the hidden layer. dropout: of the hidden layer, in training.
        norm: batch norm (Ioffe & Szegedy 2015, arXiv:1502.03167) before the GELU.
    """

    def __init__(self, out_dim: int, in_dim: int, hidden_dim: int = 128, dropout: float = 0.0, norm: bool = False):
        super().__init__()
        norms = [nn.BatchNorm1d(hidden_dim)] if norm else []
        self.layers = nn.Sequential(
            nn.Linear(in_dim, hidden_dim), *norms, nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden_dim, out_dim)
        )
        self.in_dim = in_dim

    def forward(self, features: Tensor) -> Tensor:
        """(B, F) -> (B, D).

        Raises:
            ValueError: another number of features.
        """
        if features.dim() != 2 or features.shape[1] != self.in_dim:
            raise ValueError(f"this encoder takes features (B, {self.in_dim}), got {tuple(features.shape)}.")
        return self.layers(features)
