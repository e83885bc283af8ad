"""Runs the mirrored training step when told to, for a bench that runs the other side in between.

One JSON object a line in, one out: {"do": "hello" | "open" | "run" | "macs" | "memory", ...}. The
process stays, so that compiled code and warm caches do too. An error is an answer: {"error": ...}.
"""

from __future__ import annotations

import math
import os
import platform
import shutil
import time

import torch
from torch import Tensor

from mirror_networks import count_macs
from mirror_step import StepOptions, Trainer
from worker_loop import serve

LEAD = 2


def smooth(samples: int, frames: int, channels: int, height: int, width: int) -> Tensor:
    """A moving pattern in [-1, 1], like the one that Frameloom's side trains on."""
    t = torch.arange(frames).view(-1, 1, 1, 1) / 3
    c = torch.arange(channels).view(1, -1, 1, 1)
    x = torch.arange(width).view(1, 1, 1, -1) / 7
    y = torch.arange(height).view(1, 1, -1, 1) / 5
    return torch.sin(x + y + t + c)[None].expand(samples, -1, -1, -1, -1).contiguous()


class Subject:
    """One way to train: a trainer with its window, and frames to judge."""

    def __init__(self, request: dict) -> None:
        width, height = request["width"], request["height"]
        samples, frames = request.get("batch", 1), request["frames"]
        how = request.get("options", {})
        self.options = StepOptions(**request["network"], **how)
        self.trainer = Trainer(self.options)
        self.frames = smooth(samples, LEAD + frames, 3, height, width)
        self.condition = smooth(samples, LEAD + frames, 1, height, width)
        fakes = 0.9 * self.frames[:, LEAD:]
        self.fakes = ([x.contiguous() for x in fakes.unbind(1)],) * 2

    def run(self, what: str) -> dict[str, float]:
        if what == "generator":
            return self.trainer.generator_step(self.frames, self.condition, LEAD)
        if what == "discriminator":
            return self.trainer.discriminator_step(self.frames, self.condition, self.fakes, LEAD)
        return self.trainer.step(self.frames, self.condition, lead=LEAD)


def status_bytes(field: str) -> int | None:
    """VmRSS or VmHWM of this process; None where there is no /proc."""
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            for line in status:
                if line.startswith(f"{field}:"):
                    return int(line.split()[1]) * 1024
    except FileNotFoundError:
        return None
    return None


def forget_peak() -> bool:
    """Makes the present resident memory the peak; False where the kernel does not let us."""
    try:
        with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
            file.write("5")
        return True
    except OSError:
        return False


class Worker:
    def __init__(self) -> None:
        self.subjects: dict[str, Subject] = {}

    def hello(self, request: dict) -> dict:
        if request.get("threads"):
            torch.set_num_threads(request["threads"])
        compilers = ["g++", "c++", "clang++", "cl"]
        return {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "threads": torch.get_num_threads(),
            "compiler": os.environ.get("CXX") or next(filter(shutil.which, compilers), None),
        }

    def open(self, request: dict) -> dict:
        self.subjects[request["id"]] = Subject(request)
        return {}

    def close(self, request: dict) -> dict:
        del self.subjects[request["id"]]
        return {}

    def run(self, request: dict) -> dict:
        subject = self.subjects[request["id"]]
        started = time.perf_counter()
        for _ in range(request.get("repeats", 1)):
            terms = subject.run(request["what"])
        seconds = (time.perf_counter() - started) / request.get("repeats", 1)
        broken = [name for name, value in terms.items() if not math.isfinite(value)]
        if broken:
            raise ValueError(f"not finite: {broken}")
        return {"seconds": seconds, "terms": terms}

    def macs(self, request: dict) -> dict:
        width, height = request["width"], request["height"]
        trainer = Trainer(StepOptions(**request["network"]))

        def zeros(channels: int) -> Tensor:
            return torch.zeros(1, channels, height, width)

        judges = trainer.judges
        return {
            "generator": count_macs(trainer.generator, zeros(3), zeros(6)),
            "frame": count_macs(judges.frame, zeros(4)),
            "sequence": sum(count_macs(judge, zeros(9)) for judge in judges.sequence.values()),
        }

    def memory(self, request: dict) -> dict:
        """Peak resident memory of the first step and of the next ones, beyond what was there."""
        subject = Subject(request)
        before = status_bytes("VmRSS")
        if before is None:
            return {"unsupported": "no /proc/self/status: peak resident memory is read on Linux"}
        if not forget_peak():
            return {"unsupported": "/proc/self/clear_refs cannot be written"}
        subject.run("step")
        first = status_bytes("VmHWM")
        forget_peak()
        for _ in range(request.get("steps", 2)):
            subject.run("step")
        return {"firstBytes": first - before, "laterBytes": status_bytes("VmHWM") - before}


def main() -> None:
    # A graph for each T and size: more than the eight that compile keeps by default.
    torch._dynamo.config.recompile_limit = 64
    # Each for its own numbers: for any size code is slower, and of some it is not made at all.
    torch._dynamo.config.automatic_dynamic_shapes = False
    worker = Worker()
    asked = ("hello", "open", "close", "run", "macs", "memory")
    serve({name: getattr(worker, name) for name in asked})


if __name__ == "__main__":
    main()
