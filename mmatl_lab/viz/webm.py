"""Moving pictures with their sound as one WebM file, which browsers play in sync; no other program is needed.

A lossy WebP picture holds one key frame of VP8 (RFC 9649), and WebM is made for VP8 and Opus. So Pillow compresses the
pictures, soundfile the sound, and what remains is to put both into the elements of Matroska (RFC 9559): each is its
number, its length and its content.
"""

from __future__ import annotations

import io
import struct
from itertools import groupby
from typing import NamedTuple

from torch import Tensor

RATES = (8000, 12000, 16000, 24000, 48000)  # samples a second that Opus knows
VIDEO, AUDIO = 1, 2  # numbers of the tracks
PACKET = 20  # ms of sound in each packet that soundfile makes
PRE_ROLL = 80  # ms that a decoder of Opus needs after a jump before it is right again (RFC 7845)


class Block(NamedTuple):
    """A picture, or a packet of sound, and when it begins."""

    milliseconds: int
    track: int
    data: bytes


def webm(
    frames: Tensor, waveform: Tensor | None = None, *, seconds: float = 1.0, rate: int = 8000, quality: int = 80
) -> bytes:
    """The bytes of a WebM file of pictures (VP8) and, if given, sound (Opus); both lose a little.

    Args:
        frames: (T, 3, H, W) floats in [0, 1]; frame i is shown from i / T of the time on.
        waveform: (N,) floats in [-1, 1].
        seconds: how long all frames together are shown.
        rate: samples of the waveform a second, one of RATES.
        quality: of the pictures, 0 to 100.

    Raises:
        ValueError: another shape, no frame, an unknown rate, or no time to show them.
    """
    if frames.dim() != 4 or frames.shape[1] != 3 or not frames.numel():
        raise ValueError(f"expected frames of shape (T, 3, H, W), got {tuple(frames.shape)}")
    if waveform is not None and (waveform.dim() != 1 or not waveform.numel()):
        raise ValueError(f"expected a waveform of shape (N,), got {tuple(waveform.shape)}")
    if rate not in RATES:
        raise ValueError(f"rate must be one of {', '.join(map(str, RATES))} samples a second, got {rate}")
    if not seconds > 0:
        raise ValueError(f"seconds must be above 0, got {seconds}")
    T, _, height, width = frames.shape
    times = [round(1000 * seconds * i / T) for i in range(T)]
    blocks = [Block(time, VIDEO, data) for time, data in zip(times, key_frames(frames, quality))]
    tracks = _track(VIDEO, "V_VP8", _element("E0", _uint("B0", width), _uint("BA", height)))
    if waveform is not None:
        header, packets = opus(waveform, rate)
        blocks += [Block(i * PACKET, AUDIO, data) for i, data in enumerate(packets)]
        early = int.from_bytes(header[10:12], "little") * 10**9 // 48000  # ns at the start that are not to be played
        delay = _uint("56AA", early) + _uint("56BB", PRE_ROLL * 10**6)
        tracks += _track(AUDIO, "A_OPUS", _element("63A2", header), delay, _element("E1", _float("B5", 48000)))

    versions = _uint("4286", 1), _uint("42F7", 1), _uint("42F2", 4), _uint("42F3", 8)
    head = _element("1A45DFA3", *versions, _text("4282", "webm"), _uint("4287", 4), _uint("4285", 2))
    makers = _text("4D80", "mmatl_lab"), _text("5741", "mmatl_lab")
    info = _element("1549A966", _uint("2AD7B1", 10**6), _float("4489", 1000 * seconds), *makers)  # times in ms
    start = info + _element("1654AE6B", tracks)
    groups = groupby(sorted(blocks), lambda block: block.milliseconds // 1000)
    clusters = {second: _cluster(1000 * second, group) for second, group in groups}
    offset = len(start) + len(_cues(clusters, 0))
    return head + _element("18538067", start, _cues(clusters, offset), *clusters.values())


def key_frames(frames: Tensor, quality: int) -> list[bytes]:
    """The VP8 key frame of each picture (T, 3, H, W)."""
    from PIL import Image

    from .style import to_uint8

    found = []
    for picture in to_uint8(frames):
        buffer = io.BytesIO()
        Image.fromarray(picture.transpose(1, 2, 0)).save(buffer, "WEBP", quality=quality, method=6)
        data = buffer.getvalue()
        at = data.index(b"VP8 ", 12)  # the chunk of the picture, with its length
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        found.append(data[at + 8 : at + 8 + length])
    return found


def opus(waveform: Tensor, rate: int) -> tuple[bytes, list[bytes]]:
    """The header and the packets of a sound (N,) as Opus."""
    import soundfile

    buffer = io.BytesIO()
    sound = waveform.detach().cpu().numpy()
    soundfile.write(buffer, sound, rate, format="OGG", subtype="OPUS", compression_level=0.5)  # 17 kB a second
    header, _, *packets = _packets(buffer.getvalue())  # the second one holds names and titles
    return header, packets


def _packets(ogg: bytes) -> list[bytes]:
    """What is in the pages of an Ogg file (RFC 3533): packets, cut into pieces of at most 255 bytes."""
    packets, packet, at = [], b"", 0
    while at < len(ogg):
        sizes = ogg[at + 27 : at + 27 + ogg[at + 26]]
        at += 27 + len(sizes)
        for size in sizes:
            packet += ogg[at : at + size]
            at += size
            if size < 255:  # the last piece of its packet
                packets.append(packet)
                packet = b""
    return packets


def _track(number: int, codec: str, *more: bytes) -> bytes:
    names = _uint("D7", number), _uint("73C5", number), _uint("83", number), _uint("9C", 0), _text("86", codec)
    return _element("AE", *names, *more)


def _cluster(milliseconds: int, blocks) -> bytes:
    simple = (
        _element("A3", struct.pack(">BhB", 0x80 | block.track, block.milliseconds - milliseconds, 0x80), block.data)
        for block in blocks  # 0x80: every block is a place to start from
    )
    return _element("1F43B675", _uint("E7", milliseconds), *simple)


def _cues(clusters: dict[int, bytes], offset: int) -> bytes:
    """Where the cluster of each second stands, so that a player can jump to it."""
    points = []
    for second, cluster in clusters.items():
        place = _uint("F7", VIDEO) + _element("F1", offset.to_bytes(8, "big"))
        points.append(_element("BB", _uint("B3", 1000 * second), _element("B7", place)))
        offset += len(cluster)
    return _element("1C53BB6B", *points)


def _element(number: str, *content: bytes) -> bytes:
    length = sum(map(len, content))
    return bytes.fromhex(number) + (1 << 56 | length).to_bytes(8, "big") + b"".join(content)


def _uint(number: str, value: int) -> bytes:
    return _element(number, value.to_bytes(8, "big"))


def _float(number: str, value: float) -> bytes:
    return _element(number, struct.pack(">d", value))


def _text(number: str, value: str) -> bytes:
    return _element(number, value.encode())
