"""Speaks with eSpeak NG, in a process of its own: the same calls in a fresh process give the same samples.

    python speak.py FOLDER < JOBS > SAMPLES

FOLDER holds the library and its data. JOBS is JSON, a list of [voice, words per minute, pitch (0 to 99), text];
SAMPLES are all of them one after the other, each a 32-bit count and then so many 16-bit samples at 22,050 Hz.
"""

import ctypes
import json
import sys
from pathlib import Path

RETRIEVAL, UTF8, RATE, PITCH = 1, 1, 1, 3  # constants of espeak-ng/speak_lib.h
Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


def main(folder: Path) -> None:
    library = ctypes.CDLL(str(folder / "libespeak-ng.so"))
    library.espeak_Initialize(RETRIEVAL, 0, str(folder).encode(), 0)
    spoken = bytearray()

    def receive(samples, count, events):
        if samples and count > 0:
            spoken.extend(ctypes.string_at(samples, 2 * count))
        return 0

    receive = Callback(receive)  # kept in a name, or it would be collected while the library calls it
    library.espeak_SetSynthCallback(receive)
    for voice, words_per_minute, pitch, text in json.load(sys.stdin):
        if library.espeak_SetVoiceByName(voice.encode()) != 0:
            sys.exit(f"eSpeak NG has no voice {voice!r}")
        library.espeak_SetParameter(RATE, words_per_minute, 0)
        library.espeak_SetParameter(PITCH, pitch, 0)
        library.espeak_ng_SetRandSeed(ctypes.c_long(1))  # of breath and roughness; the clock's time otherwise
        spoken.clear()
        size = ctypes.c_size_t(len(text) + 1)
        library.espeak_Synth(text.encode(), size, 0, 1, 0, UTF8, None, None)
        library.espeak_Synchronize()
        sys.stdout.buffer.write((len(spoken) // 2).to_bytes(4, "little") + spoken)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
