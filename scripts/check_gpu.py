"""Does everything that trains also train on this machine's GPU, with the same numbers, and how fast?

    python scripts/check_gpu.py [--write] [--only NAME ...]

From the repository, with torch, numpy, lightning-fabric and safetensors alone, in at most 8 minutes. It finds the
lessons' systems by itself. Where Pillow or soundfile is missing, noise stands in for the data that it decodes.

1. One step of each encoder and system on the GPU against the CPU: loss and gradients. In float32 (without
   TF32) the loss may differ by 1e-4 and the gradient by 1e-2 of its norm; in bf16 the loss by 5e-2, and the gradients'
   cosine is at least .9. Dropout and noise are switched off, since two devices draw different numbers.
2. Some dozen steps of each preset gpu: steps a second, share of the peak of a measured matrix product, peak of the
   memory, and the share of a step that goes into making data.
3. Two processes (nccl) against one, where there are two GPUs.

Without CUDA it says so, and runs the same in miniature on the CPU: float32 against bf16, quick presets, gloo.
`--write` puts what was found into assets/results/gpu_check.json. The exit code is 1 where anything differs.
"""

import argparse
import importlib.util
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import types
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ["MMATL_LAB_HEADLESS"] = "1"

import torch  # noqa: E402
from torch import Tensor, nn  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402


def stand_in_noise() -> list[str]:
    """Replace what decodes pictures and traces where its package is missing; returns what noise stands in for.

    Speed and agreement of two devices do not depend on what is in the data, only on their shapes.
    """
    from mmatl_lab.data import packed
    from mmatl_lab.seeding import seeded

    found = []

    def pictures(webp: bytes, number: int, *, size: int = 32, columns: int = 40, mode: str = "RGBA") -> Tensor:
        return torch.randint(256, (number, len(mode), size, size), dtype=torch.uint8, generator=seeded(0))

    def read(file, dtype: str):
        stream_info = file.read(26)[18:]  # of a FLAC file: its last 36 bits are the number of samples
        shape = int.from_bytes(stream_info, "big") & (1 << 36) - 1, 6
        return torch.randint(-1000, 1000, shape, dtype=torch.int16, generator=seeded(0)).numpy(), None

    if importlib.util.find_spec("PIL") is None:
        packed.unpack_sheet = pictures
        found.append("pictures")
    if importlib.util.find_spec("soundfile") is None:
        sys.modules["soundfile"] = types.SimpleNamespace(read=read)
        found.append("traces")
    return found


NOISE = stand_in_noise()  # before the lessons import what it replaces

from mmatl_lab import lessons  # noqa: E402
from mmatl_lab.lessons.recipe import Recipe, System  # noqa: E402
from mmatl_lab.nn import encoders  # noqa: E402
from mmatl_lab.nn.encoders import Part  # noqa: E402
from mmatl_lab.training import machine  # noqa: E402

CUDA = torch.cuda.is_available()
DEVICE = "cuda" if CUDA else "cpu"
TOLERANCE = {"32-true": {"loss": 1e-4, "gradient": 1e-2}, "bf16-mixed": {"loss": 5e-2, "cosine": 0.9}}
EXAMPLES = {  # of encoders: their arguments, and the shape of a batch
    "AudioCNN": ({}, (8, 40, 64)),
    "BagOfWords": ({"vocab_size": 50}, (8, 12)),
    "ImageCNN": ({}, (8, 3, 32, 32)),
    "ImageGrid": ({}, (8, 3, 32, 32)),
    "ImageViT": ({}, (8, 3, 32, 32)),
    "MLPEncoder": ({"in_dim": 64}, (8, 64)),
    "SensorCNN": ({}, (8, 100, 6)),
    "SummaryEncoder": ({}, (8, 117)),
    "TextTransformer": ({"vocab_size": 50}, (8, 12)),
    "VideoCNN": ({}, (4, 16, 3, 32, 32)),
    "VideoTransformer": ({}, (4, 16, 3, 32, 32)),
}
NUM_STEPS = 24 if CUDA else 3
LIMIT = 45.0  # seconds of one preset
PAIR_STEPS = 3


def systems() -> Iterator[tuple[Recipe, System]]:
    """All systems of all lessons."""
    for name in lessons.names():
        recipe = lessons.get(name).recipe
        yield from ((recipe, system) for system in recipe.systems)


def fit(recipe: Recipe, system: System, settings, device: str, precision: str, before=lambda run: None) -> nn.Module:
    """Train ``system`` by its own loop; ``before(run)`` may look at the run and change it."""
    model = system.make(settings)
    run = system.run(model, settings, save=False, quiet=True, device=device, precision=precision)
    needed = {name: recipe.system(name) for name in system.needs}
    needed = {name: other.make(other.settings("quick")).to(device).eval() for name, other in needed.items()}
    before(run)
    system.fit(run, settings, **needed)
    return model


# 1. One step --------------------------------------------------------------------------------------------------------


def one_step(recipe: Recipe, system: System, device: str, precision: str) -> tuple[float, Tensor]:
    """Loss and gradient, all parameters in one vector on the CPU, of the first step of the preset quick."""
    gradients: dict[str, Tensor] = {}
    losses: list[float] = []

    def keep_gradient(name: str, parameter: nn.Parameter) -> None:
        gradients.setdefault(name, parameter.grad.detach().float().cpu().flatten())

    def keep(run) -> None:
        without_noise(run.model)
        for name, parameter in run.model.named_parameters():
            parameter.register_post_accumulate_grad_hook(partial(keep_gradient, name))
        step = run.step

        def kept_step(loss: Tensor, **metrics) -> None:
            losses.append(loss.item())
            step(loss, **metrics)

        run.step = kept_step

    fit(recipe, system, replace(system.settings("quick"), num_steps=1), device, precision, keep)
    return losses[0], torch.cat([gradients[name] for name in sorted(gradients)])


def encoder_step(name: str, device: str, precision: str) -> tuple[float, Tensor]:
    """Loss and gradient of an encoder on random inputs: the mean of squares of what it gives for EXAMPLES[name]."""
    options, shape = EXAMPLES[name]
    torch.manual_seed(0)
    model = Part(name, options).build(out_dim=32).train()
    x = torch.rand(shape) if "vocab_size" not in options else torch.randint(1, options["vocab_size"], shape)
    without_noise(model)
    model.to(device)
    with torch.autocast(device, torch.bfloat16, enabled=precision == "bf16-mixed"):
        loss = model(x.to(device)).float().square().mean()
    loss.backward()
    return loss.item(), torch.cat([p.grad.float().cpu().flatten() for p in model.parameters()])


def without_noise(model: nn.Module) -> None:
    for module in model.modules():
        for name in ("p", "dropout", "noise"):
            if isinstance(getattr(module, name, None), float):
                setattr(module, name, 0.0)


def compare(step: Callable[[str, str], tuple[float, Tensor]]) -> dict:
    """``step(device, precision)`` on this device against float32 on the CPU."""
    loss, gradient = step("cpu", "32-true")
    found = {}
    for precision in ("32-true", "bf16-mixed") if CUDA else ("bf16-mixed",):
        other_loss, other = step(DEVICE, precision)
        errors = {
            "loss": abs(other_loss - loss) / abs(loss),
            "gradient": ((other - gradient).norm() / gradient.norm()).item(),
            "cosine": nn.functional.cosine_similarity(other, gradient, dim=0).item(),
        }
        allowed = TOLERANCE[precision]
        good = all(errors[n] >= most if n == "cosine" else errors[n] <= most for n, most in allowed.items())
        found[f"{DEVICE} {precision}"] = errors | {"allowed": allowed, "ok": good}
    return found


# 2. Speed -----------------------------------------------------------------------------------------------------------


def wait() -> float:
    """The time when the device has done what it was given."""
    if CUDA:
        torch.cuda.synchronize()
    return time.perf_counter()


def matmul_peak(dtype: torch.dtype) -> float:
    """FLOP a second of a large matrix product, the best of some."""
    n = 8192 if CUDA else 512
    a = torch.randn(n, n, device=DEVICE).to(dtype)
    best = float("inf")
    for _ in range(10):
        start = wait()
        a @ a
        best = min(best, wait() - start)
    return 2 * n**3 / best


def speed(recipe: Recipe, system: System, peak: float) -> dict:
    """Steps a second of the preset gpu (quick without CUDA) in the precision that `Run` chooses, and what they use."""
    settings = replace(system.settings("gpu" if CUDA else "quick"), num_steps=NUM_STEPS)
    ends, started, limit = [], [], time.perf_counter() + LIMIT

    def watch(run, exact: bool) -> None:
        """Keep when steps end; ``exact`` waits for the device each time, and keeps when the model starts, too."""
        step = run.step

        def timed_step(loss: Tensor, **metrics) -> None:
            step(loss, **metrics)
            ends.append(wait() if exact or len(ends) in (2, NUM_STEPS - 1) else time.perf_counter())
            if time.perf_counter() > limit:
                run.stop()

        def begins(*_) -> None:
            if exact and len(started) == len(ends):  # only the first call of the model in a step
                started.append(wait())

        run.step = timed_step
        run.model.register_forward_pre_hook(begins)

    if CUDA:
        torch.cuda.reset_peak_memory_stats()
    fit(recipe, system, settings, DEVICE, "auto", lambda run: watch(run, exact=False))
    memory = torch.cuda.max_memory_allocated() / 2**30 if CUDA else None
    if len(ends) < 3:
        return {"left_out": f"fewer than three steps in {LIMIT:.0f} s", "peak_memory_gib": memory}
    first = min(2, len(ends) - 2)
    rate = (len(ends) - 1 - first) / (ends[-1] - ends[first])
    ends, started = [], []
    fit(
        recipe,
        system,
        replace(settings, num_steps=max(NUM_STEPS // 2, 3)),
        DEVICE,
        "auto",
        lambda r: watch(r, exact=True),
    )
    making = sum(start - end for end, start in zip(ends, started[1:]))
    share = making / (ends[-1] - ends[0]) if len(started) == len(ends) > 1 else None
    with FlopCounterMode(display=False) as counter:
        fit(recipe, system, replace(settings, num_steps=1), DEVICE, "auto")
    flops = counter.get_total_flops()
    return {
        "steps_per_second": rate,
        "flop_per_step": flops,
        "share_of_matmul_peak": flops * rate / peak,
        "peak_memory_gib": memory,
        "share_of_data_making": share,
    }


# 3. Two processes ---------------------------------------------------------------------------------------------------


def pair_losses(system: System, recipe: Recipe) -> list[float]:
    """Losses of some steps in float32, of one process or of those that torchrun has started."""
    history = {}
    settings = replace(system.settings("quick"), num_steps=PAIR_STEPS)
    fit(recipe, system, settings, DEVICE, "32-true", lambda run: history.update(run=run))
    return history["run"].history["loss"]


def two_processes() -> dict:
    """The losses of two processes against one on the same batches: they may differ by a thousandth."""
    if CUDA and torch.cuda.device_count() < 2:
        return {"left_out": "there is one GPU"}
    recipe, system = next((r, s) for r, s in systems() if not s.data())
    alone = pair_losses(system, recipe)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "losses.json"
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
        options = {"env": environment, "capture_output": True, "text": True, "timeout": 120}
        try:
            done = subprocess.run([*command, __file__, "--pair", file], **options)
        except subprocess.TimeoutExpired:  # the rest was found already, and must be written
            return {"system": system.name, "ok": False, "error": "the two processes took more than 120 s"}
        if done.returncode:
            return {"system": system.name, "ok": False, "error": done.stderr[-2000:]}
        both = json.loads(file.read_text())
    error = max(abs(a - b) / abs(a) for a, b in zip(alone, both, strict=True))
    backend = "nccl" if CUDA else "gloo"
    return {"system": system.name, "backend": backend, "loss": error, "allowed": 1e-3, "ok": error <= 1e-3}


# All ----------------------------------------------------------------------------------------------------------------


def check(only: list[str]) -> dict:
    """Everything, as one dictionary; each finding is printed as it comes."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    computer, start = machine(), time.perf_counter()
    print(f"{computer}; torch {torch.__version__}")
    if not CUDA:
        print("There is no CUDA device here: the same is checked in miniature on the CPU.")
    if NOISE:
        print(f"Noise stands in for {' and '.join(NOISE)}, since Pillow or soundfile is missing.")
    peaks = {str(dtype)[6:]: matmul_peak(dtype) for dtype in (torch.float32, torch.bfloat16)}
    peak = peaks["bfloat16" if computer.bf16 else "float32"]
    found = {
        "machine": computer._asdict() | {"gpus": torch.cuda.device_count()},
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "noise_in_place_of": NOISE,
        "matmul_flop_per_second": peaks,
        "encoders": {},
        "systems": {},
    }
    names = [name for name in encoders.__all__ if _is_module(getattr(encoders, name))]
    for name in () if only else sorted(names):
        one = compare(partial(encoder_step, name)) if name in EXAMPLES else {"left_out": "it has no example here"}
        found["encoders"][name] = one
        print(f"{name}: {json.dumps(_short(one))}", flush=True)
    for recipe, system in systems():
        if only and system.name not in only:
            continue
        try:
            one = {"step": compare(partial(one_step, recipe, system)), "speed": speed(recipe, system, peak)}
        except Exception as error:  # the others are checked all the same, and the file says what happened to this one
            one = {"ok": False, "error": f"{type(error).__name__}: {error}"}
        found["systems"][system.name] = one
        print(f"{system.name}: {json.dumps(_short(found['systems'][system.name]))}", flush=True)
    if not only:
        found["two_processes"] = two_processes()
        print(f"two processes: {json.dumps(_short(found['two_processes']))}")
    return found | {"seconds": time.perf_counter() - start}


def passed(found) -> bool:
    """Whether nothing in ``found`` says ``"ok": False``."""
    return found.get("ok", True) and all(passed(value) for value in found.values() if isinstance(value, dict))


def _is_module(value) -> bool:
    return isinstance(value, type) and issubclass(value, nn.Module)


def _short(value):
    if isinstance(value, dict):
        return {name: _short(item) for name, item in value.items()}
    return float(f"{value:.3g}") if isinstance(value, float) else value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--write", action="store_true", help="write assets/results/gpu_check.json")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="check these systems alone")
    parser.add_argument("--pair", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.pair:
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
        recipe, system = next((r, s) for r, s in systems() if not s.data())
        losses = pair_losses(system, recipe)
        if os.environ["RANK"] == "0":
            given.pair.write_text(json.dumps(losses))
        return
    found = check(given.only)
    if given.write:
        file = ROOT / "assets" / "results" / "gpu_check.json"
        file.write_text(json.dumps(_short(found), indent=1) + "\n", encoding="utf-8")
        print(f"Written to {file}; run `python scripts/checksums.py` before it is committed.")
    print(f"{'All is well' if passed(found) else 'Something differs: look for ok: false'}, {found['seconds']:.0f} s.")
    raise SystemExit(not passed(found))


if __name__ == "__main__":
    main()
