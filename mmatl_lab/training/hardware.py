"""What this machine can do, how fast it is, and which preset (``quick``, ``full``, ``gpu``) fits it."""

import difflib
import functools
import os
import platform
import time
from typing import NamedTuple

PRESETS = ("quick", "full", "gpu")
SHIPPED = "shipped"  # in a notebook: load the shipped models, which the preset full made, and train none
REFERENCE_GFLOPS = 200.0  # float32 matrix product on the 2-core machine whose minutes the lessons state


class Machine(NamedTuple):
    """What training runs on.

    device: ``"cuda"``, ``"mps"`` or ``"cpu"``. name: of the processor or GPU. cores: CPU cores this process may use.
    bf16: whether the device has bfloat16 instructions, so that bf16 is faster than float32 instead of emulated.
    memory: bytes, of the GPU for cuda, else of the computer.
    """

    device: str
    name: str
    cores: int
    bf16: bool
    memory: int

    def __str__(self) -> str:
        bf16 = "bf16" if self.bf16 else "no bf16"
        return f"{self.name} ({self.device}), {self.cores} cores, {self.memory / 2**30:.1f} GiB, {bf16}"


def machine(device: str = "auto") -> Machine:
    """The machine as training sees it.

    Args:
        device: ``"auto"`` takes the first there is of cuda, mps, cpu.

    Raises:
        ValueError: for an unknown device or one that this machine does not have.
    """
    import torch

    have = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if device == "auto":
        device = next(name for name, there in have.items() if there)
    if not have.get(device):
        there = ", ".join(name for name, there in have.items() if there)
        raise ValueError(f"device {device!r} is not available here: use 'auto' or one of {there}")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if device == "cuda":
        gpu = torch.cuda.get_device_properties(torch.cuda.current_device())
        bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
        return Machine(device, gpu.name, cores, bf16, gpu.total_memory)
    bf16 = device == "cpu" and _cpu_has_bf16()  # autocast to bf16 on mps is not there in every torch we support
    return Machine(device, _cpu_name(), cores, bf16, _memory())


@functools.cache
def speed() -> float:
    """Float32 matrix products of this processor with all its threads, in GFLOP/s (best of 60, about 0.1 s).

    One product takes a millisecond or two, so that some of them run undisturbed also while other programs compute.
    """
    import torch

    size = 512
    a, b = torch.ones(size, size), torch.ones(size, size)
    best = float("inf")
    for _ in range(60):
        start = time.perf_counter()
        a @ b
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best / 1e9


def default_preset() -> str:
    """``$MMATL_LAB_PRESET`` if set, else ``"gpu"`` on a machine with CUDA, else ``"full"``.

    Raises:
        ValueError: if the variable holds anything but a preset or ``"shipped"``, which notebooks take.
    """
    preset, known = os.environ.get("MMATL_LAB_PRESET"), (SHIPPED, *PRESETS)
    if preset in known:
        return preset
    if preset:
        nearest = difflib.get_close_matches(preset.lower(), known, n=1, cutoff=0.5)
        meant = f"did you mean {nearest[0]!r}, or another of" if nearest else "use one of"
        raise ValueError(f"MMATL_LAB_PRESET is {preset!r}, which is no preset: {meant} {', '.join(known)}")
    import torch

    return "gpu" if torch.cuda.is_available() else "full"


def _cpu_has_bf16() -> bool:
    """AVX512-BF16 or AMX on x86, BF16 on Arm: without them torch computes bf16 in float32, more slowly than float32."""
    import torch

    if hasattr(torch.cpu, "get_capabilities"):  # newer torch has this public, older torch the two below
        can = torch.cpu.get_capabilities()
        return bool(can.get("avx512_bf16") or can.get("amx_bf16") or can.get("bf16"))
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def _memory() -> int:
    if hasattr(os, "sysconf"):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    import psutil  # Windows has no sysconf

    return psutil.virtual_memory().total


def _cpu_name() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):  # not Linux, or Linux on Arm
        return platform.processor() or platform.machine()
