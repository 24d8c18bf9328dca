"""Data sets in folders, as their authors publish them: examples are listed, decoded once, and kept in a cache.

A loader (``cremad``, ``food101``, ``mvsa``, ``iemocap``) lists the examples of a split: name, label and, by modality,
where its file is. This module decodes them into one safetensors file beside the data, and reads that file from then
on. The cache is made anew when a source or a setting changes. It is written under another name first, so a crash
leaves no half of it.
"""

import contextlib
import hashlib
import os
import re
import sys
import zlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from ..paths import runs
from ..world.audio import log_mel

SPLITS = ("train", "validation", "test")
SIZE = 64  # pixels a side; the papers' 224 takes twelve times the space
FRAMES = 3  # of a clip (MLA, arXiv:2311.10707)
SAMPLE_RATE, SECONDS, MELS = 16_000, 3, 64
VOCAB_SIZE, WORDS = 8_192, 64  # of hashed words; words of a text, the rest is cut off
_FORMAT = "1"  # of the cache: raise it when a decoder changes
_DAMAGE = (OSError, ValueError, RuntimeError, EOFError)  # of Pillow, soundfile and numpy; PictureError is a ValueError

Source = Path | tuple[Path, ...] | str  # a file, the frames of a clip, or a text itself


class Example(NamedTuple):
    """One example of a list, not decoded yet."""

    name: str
    label: int
    sources: Mapping[str, Source]  # by modality


@dataclass(frozen=True, eq=False)
class FolderData(Dataset):
    """A split, decoded.

    ``data[i]`` gives the views by modality and the label. Pictures and frames are float in [0, 1], spectrograms float,
    texts int64 tokens with 0 where there is no word. A list or tensor of places gives a batch.

    Attributes:
        stored: (N, ...) by modality, in the small types of the cache: uint8, float16, int32.
        label: (N,) int64, places in ``classes``.
        names: of the examples, in the order of the published list.
    """

    stored: Mapping[str, Tensor]
    label: Tensor
    names: tuple[str, ...]
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, i: int | Sequence[int] | Tensor) -> tuple[dict[str, Tensor], Tensor]:
        return {modality: _number(x[i]) for modality, x in self.stored.items()}, self.label[i]


def locate(title: str, name: str, folder: str | Path | None, needed: Iterable[str], fetch: str) -> Path:
    """The folder of a data set, which holds the ``needed`` files.

    Args:
        folder: None takes ``runs/data/NAME``.
        fetch: what to fetch from where; the end of the error's sentence.

    Raises:
        FileNotFoundError: something is missing; the sentence says what to fetch and where to put it.
    """
    root = runs(f"data/{name}") if folder is None else Path(folder).expanduser()
    missing = [file for file in needed if not (root / file).exists()]
    if missing:
        raise FileNotFoundError(
            f"{title} is not complete in {root.absolute()} ({', '.join(missing)} missing): {fetch}, and put it there"
        )
    return root


def check_split(split: str) -> None:
    if split not in SPLITS:
        raise ValueError(f"split is one of {', '.join(SPLITS)}, got {split!r}")


def hold_out(examples: Sequence[Example], split: str) -> list[Example]:
    """Of a training list without a validation part: a tenth, by the hash of the name, is for validation."""
    return [e for e in examples if (stable_hash(e.name) % 10 == 0) == (split == "validation")]


def load_folder(
    root: Path,
    split: str,
    examples: Sequence[Example],
    decoders: Mapping[str, Callable[[Path | str], Tensor]],
    classes: tuple[str, ...],
    *,
    settings: str,
    skip: Collection[str] = (),
) -> FolderData:
    """The examples, decoded: from the cache where it fits, else from their files with a progress bar.

    Args:
        decoders: by modality, a file or text -> a tensor of one shape; the frames of a clip are stacked.
        settings: whatever else the tensors depend on, such as the size; also in the cache's name.
        skip: names of examples to leave out, such as those with a damaged file.

    Raises:
        FileNotFoundError: a file of an example is missing. ValueError: one is damaged, or there are no examples.
    """
    examples = [e for e in examples if e.name not in skip]
    if not examples:
        raise ValueError(f"the {split} list in {root} has no examples: check it, and the names in skip")
    path = root / ".mmatl_lab" / f"{split}_{settings}.safetensors"
    fingerprint = _fingerprint(root, examples, settings)
    stored = _read(path, fingerprint)
    if stored is None:
        stored = _decode(examples, decoders, f"{root.name} {split}")
        _write(path, stored, fingerprint)
    return FolderData(stored, torch.tensor([e.label for e in examples]), tuple(e.name for e in examples), classes)


def picture(path: Path, size: int) -> Tensor:
    """(3, size, size) uint8: the whole picture, unstretched, on white."""
    from .pictures import open_picture  # Pillow, which the check of a GPU does without

    return (255 * open_picture(path, size)).round().byte()


def pick_frames(folder: Path) -> tuple[Path, ...]:
    """``FRAMES`` pictures of a clip's folder, spread over it evenly from the first; a short clip repeats some."""
    files = sorted(folder.glob("*.jpg"))
    return tuple(files[i * len(files) // FRAMES] for i in range(FRAMES)) if files else (folder / "*.jpg",)


def spectrogram(path: Path) -> Tensor:
    """(MELS, 192) float16 in [0, 1]: log-mel of three seconds; a shorter sound is repeated, as in OGM-GE."""
    import soundfile

    wave, rate = soundfile.read(path, dtype="float32", always_2d=True)
    if not len(wave):
        raise ValueError("it holds no sound")
    mono = wave.mean(1)
    if rate != SAMPLE_RATE:
        from scipy.signal import resample_poly

        mono = resample_poly(mono, SAMPLE_RATE, rate)
    mono = np.resize(mono, SAMPLE_RATE * SECONDS).clip(-1, 1)  # numpy's resize repeats
    return log_mel(torch.from_numpy(mono).float(), MELS, sample_rate=SAMPLE_RATE).half()


def tokens(text: str) -> Tensor:
    """(WORDS,) int32: each word's hash in [1, VOCAB_SIZE), 0 where there is none (Weinberger 2009, arXiv:0902.2206).

    No vocabulary is fitted, so no word of the test is ever seen early. Two words may share a token.
    """
    words = re.findall(r"[^\W_]+", text.lower())[:WORDS]
    hashed = [1 + zlib.crc32(word.encode()) % (VOCAB_SIZE - 1) for word in words]
    return torch.tensor(hashed + [0] * (WORDS - len(hashed)), dtype=torch.int32)


def _number(x: Tensor) -> Tensor:
    if x.dtype == torch.uint8:
        return x.float() / 255
    return x.float() if x.is_floating_point() else x.long()


def stable_hash(text: str) -> int:
    """The same on every machine, unlike Python's own."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def _files(source: Source) -> tuple[Path, ...]:
    return () if isinstance(source, str) else source if isinstance(source, tuple) else (source,)


def _fingerprint(root: Path, examples: Sequence[Example], settings: str) -> str:
    """Hash of names, texts, and each file's place, size and time of change."""
    digest = hashlib.sha256(f"{_FORMAT} {settings}".encode())
    for example in examples:
        digest.update(f"\n{example.name}".encode())
        for modality, source in example.sources.items():
            digest.update(f"\t{modality} {source if isinstance(source, str) else ''}".encode())
            for file in _files(source):
                try:
                    stat = file.stat()
                except OSError:
                    raise FileNotFoundError(f"{file} is missing: {_remedy(example)}") from None
                digest.update(f" {file.relative_to(root)} {stat.st_size} {stat.st_mtime_ns}".encode())
    return digest.hexdigest()


def _decode(examples: Sequence[Example], decoders: Mapping[str, Callable], title: str) -> dict[str, Tensor]:
    from tqdm.auto import tqdm

    shown = sys.stderr.isatty() or "IPython" in sys.modules
    quiet = not shown or os.environ.get("MMATL_LAB_HEADLESS") == "1"
    stored: dict[str, Tensor] = {}
    for i, example in enumerate(tqdm(examples, desc=f"decode {title}", leave=False, disable=quiet)):
        for modality, decoder in decoders.items():
            x = _view(decoder, example, modality)
            if modality not in stored:
                stored[modality] = torch.empty(len(examples), *x.shape, dtype=x.dtype)
            elif x.shape != stored[modality].shape[1:]:
                expected = tuple(stored[modality].shape[1:])
                raise ValueError(
                    f"the {modality} of {example.name} is {tuple(x.shape)}, others are {expected}: {_remedy(example)}"
                )
            stored[modality][i] = x
    return stored


def _view(decoder: Callable[[Path | str], Tensor], example: Example, modality: str) -> Tensor:
    source = example.sources[modality]
    if isinstance(source, str):
        return decoder(source)
    views = []
    for file in _files(source):
        try:
            views.append(decoder(file))
        except _DAMAGE as error:
            raise ValueError(f"{file} cannot be read ({str(error).rstrip('.')}): {_remedy(example)}") from None
    return torch.stack(views) if isinstance(source, tuple) else views[0]


def _remedy(example: Example) -> str:
    return f"fetch it again, or leave the example out with skip=[{example.name!r}]"


def _read(path: Path, fingerprint: str) -> dict[str, Tensor] | None:
    """The cache; None where there is none, where its sources have changed, and where it is damaged."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            if (file.metadata() or {}).get("fingerprint") == fingerprint:
                return {name: file.get_tensor(name) for name in file.keys()}
    except (OSError, SafetensorError):
        pass
    return None


def _write(path: Path, stored: dict[str, Tensor], fingerprint: str) -> None:
    from safetensors.torch import save_file

    half = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(exist_ok=True)
        save_file(stored, half, {"fingerprint": fingerprint})
        os.replace(half, path)
    except BaseException:
        with contextlib.suppress(OSError):
            half.unlink()
        raise
