"""CREMA-D, UPMC Food-101, MVSA-Single and IEMOCAP as tasks: the papers' data sets, which a user has to fetch.

The lesson's encoders take vectors, so views become such: pictures and frames are averaged to 16 × 16 pixels,
spectrograms to 32 bands and 24 moments, texts become bags of words. That is far less than what the papers' networks
see; results are not theirs.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from mmatl_lab.data.folders import SPLITS, FolderData

SIDE, BANDS, MOMENTS, WORDS = 16, 32, 24, 2_048
IMAGE, VIDEO, AUDIO = 3 * SIDE**2, 9 * SIDE**2, BANDS * MOMENTS  # numbers of inputs
MODALITIES = {
    "cremad": {"video": VIDEO, "audio": AUDIO},
    "food101": {"image": IMAGE, "text": WORDS},
    "mvsa": {"image": IMAGE, "text": WORDS},
    "iemocap": {"video": VIDEO, "audio": AUDIO, "text": WORDS},
}
CHUNK = 1_024  # examples turned into float at once


def load_views(name: str) -> list[tuple[dict[str, Tensor], Tensor]]:
    """Views and labels of training, validation and test; all but texts scaled by the training part.

    Raises:
        FileNotFoundError, ValueError: as the loader of ``mmatl_lab.data``; the sentence says what to fetch.
    """
    from mmatl_lab.data.cremad import load_cremad
    from mmatl_lab.data.food101 import load_food101
    from mmatl_lab.data.iemocap import load_iemocap
    from mmatl_lab.data.mvsa import load_mvsa

    loader = {"cremad": load_cremad, "food101": load_food101, "mvsa": load_mvsa, "iemocap": load_iemocap}[name]
    parts = [_vectors(loader(split)) for split in SPLITS]
    for modality in parts[0][0].keys() - {"text"}:
        train = parts[0][0][modality]
        mean, spread = train.mean(), train.std().clamp(min=1e-6)
        for views, _ in parts:
            views[modality] = (views[modality] - mean) / spread
    return parts


def _vectors(data: FolderData) -> tuple[dict[str, Tensor], Tensor]:
    chunks = [data[rows] for rows in torch.arange(len(data)).split(CHUNK)]
    return {m: torch.cat([vector(views[m], m) for views, _ in chunks]) for m in data.stored}, data.label


def vector(view: Tensor, modality: str) -> Tensor:
    """(B, ...) -> (B, F): a picture, frames, a spectrogram or tokens as the numbers that the encoders take."""
    if modality == "text":
        counts = torch.zeros(len(view), WORDS).scatter_(1, view % WORDS, 1.0)
        counts[:, 0] = 0  # padding
        return counts
    if modality == "audio":
        return F.adaptive_avg_pool2d(view[:, None], (BANDS, MOMENTS)).flatten(1)
    B, *_, H, W = view.shape
    return F.adaptive_avg_pool2d(view.reshape(B, -1, H, W), SIDE).flatten(1)
