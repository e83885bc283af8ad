"""Times one way of generating in Python; bench/synthesis/generator.ts asks, a JSON object a line.

    {"kind": "onnxruntime" | "eager" | "compile", "path": …, "preset": …, "width": …, "height": …,
     "frames": …}

answered by {"seconds": a frame} or {"skipped": why}. Networks are kept between questions.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import sys
import time
from collections.abc import Callable

import numpy as np
import torch

from mirror_networks import Generator

THREADS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
PRESETS = {
    "tiny": {"channels": 12, "blocks": 2, "branch_blocks": 1},
    "small": {"channels": 24, "blocks": 3, "branch_blocks": 1},
    "base": {"channels": 48, "blocks": 6, "branch_blocks": 2},
    "large": {"channels": 96, "blocks": 9, "branch_blocks": 3},
}


@functools.lru_cache(maxsize=4)
def onnx_step(path: str, width: int, height: int) -> Callable[[], None]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(path, options, ["CPUExecutionProvider"])
    sizes = {"batch": 1, "height": height, "width": width}
    feeds = {
        item.name: np.ones([sizes.get(d, d) for d in item.shape], np.float32)
        for item in session.get_inputs()
    }
    # Frame for frame, what is made becomes the past.
    names = [item.name for item in session.get_outputs()]

    def step() -> None:
        results = dict(zip(names, session.run(names, feeds), strict=True))
        feeds["history"] = results["next_history"]

    return step


@functools.lru_cache(maxsize=8)
def torch_step(kind: str, preset: str, width: int, height: int) -> Callable[[], None]:
    torch.manual_seed(1)
    generator = Generator(**PRESETS[preset]).eval()
    run = torch.compile(generator) if kind == "compile" else generator
    condition = torch.randn(1, 3, height, width)
    past = [torch.zeros(1, 6, height, width)]

    @torch.inference_mode()
    def step() -> None:
        frame = run(condition, past[0])[0]
        past[0] = torch.cat([frame, past[0][:, :3]], 1)

    return step


def answer(question: dict) -> dict:
    kind, width, height = question["kind"], question["width"], question["height"]
    if kind == "onnxruntime":
        step = onnx_step(question["path"], width, height)
    else:
        if kind == "compile" and not (shutil.which("g++") or shutil.which("clang++")):
            return {"skipped": "torch.compile needs a C++ compiler"}
        step = torch_step(kind, question["preset"], width, height)
    for _ in range(2):
        step()
    started = time.perf_counter()
    for _ in range(question["frames"]):
        step()
    return {"seconds": (time.perf_counter() - started) / question["frames"]}


def main() -> None:
    torch.set_num_threads(THREADS)
    # Compiled for each preset and size by itself, and no slower code for any size.
    torch._dynamo.config.recompile_limit = 64
    torch._dynamo.config.automatic_dynamic_shapes = False
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
