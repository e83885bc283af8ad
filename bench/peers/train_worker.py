"""Trains the mirrored step on real clips when told to, a JSON object a line; bench/quality asks.

    {"do": "open", "network": {…}, "weights": FILE, "frames": FILE, "condition": FILE or null,
     "labels": bool, "channels": …, "ignored": id or null, "width": …, "height": …, "lead": …,
     "threads": …, "example": {a step}}
    {"do": "step", "places": [[first, stride], …], "frames": T, "warm_up": …, "cold": …, and the rates}
    {"do": "save", "weights": FILE}
    {"do": "generate", "first": …, "count": …, "file": FILE}

What a step does is decided by who asks, by the rules of Frameloom's own training: its windows, how long
its rollout is, its rates, how much enters the average. An error is an answer: {"error": ...}.
"""

from __future__ import annotations

import math
import statistics
import time

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

import frameloom_weights
from mirror_step import StepOptions, Trainer
from worker_loop import serve

TIMED_STEPS = 4


def images(frames: np.ndarray) -> Tensor:
    """Bytes [T,H,W,C] -> [T,C,H,W] in [-1, 1]."""
    # A copy, because the file is only read.
    return torch.from_numpy(np.array(frames)).permute(0, 3, 1, 2).float() / 127.5 - 1


class Data:
    """Decoded frames and their conditions, as Frameloom wrote them."""

    def __init__(self, request: dict) -> None:
        shape = (-1, request["height"], request["width"])
        self.frames = np.memmap(request["frames"], np.uint8, "r").reshape(*shape, 3)
        self.labels, self.channels = request["labels"], request["channels"]
        self.ignored = request["ignored"]
        condition = np.memmap(request["condition"], np.uint8, "r")
        self.condition = condition.reshape(*shape, 1 if self.labels else self.channels)

    def condition_of(self, at: slice) -> Tensor:
        """[T,C,H,W]: pictures in [-1, 1], labels a channel a class, of ignored pixels 0 in all."""
        if not self.labels:
            return images(self.condition[at])
        ids = torch.from_numpy(self.condition[at, :, :, 0].astype(np.int64))
        if self.ignored is None:
            made = torch.zeros(ids.shape[0], self.channels, *ids.shape[1:])
            return made.scatter_(1, ids[:, None], 1)
        ids[ids == self.ignored] = self.channels
        made = torch.zeros(ids.shape[0], self.channels + 1, *ids.shape[1:])
        return made.scatter_(1, ids[:, None], 1)[:, : self.channels]

    def windows(self, places: list[list[int]], length: int) -> tuple[Tensor, Tensor]:
        """[N,length,3,H,W] and the conditions."""
        slices = [slice(first, first + length * stride, stride) for first, stride in places]
        frames = torch.stack([images(self.frames[at]) for at in slices])
        return frames, torch.stack([self.condition_of(at) for at in slices])


class Training:
    def __init__(self, request: dict, channels_last: bool) -> None:
        network = {key: tuple(v) if isinstance(v, list) else v for key, v in request["network"].items()}
        # With Frameloom's padding, so that Frameloom can go on with what is learned here.
        self.trainer = Trainer(StepOptions(**network, exact=True, channels_last=channels_last))
        self.lead = request["lead"]
        self.data = Data(request)
        tensors = load_file(request["weights"])
        trainer = self.trainer
        frameloom_weights.load(trainer.generator, tensors, "generator.")
        frameloom_weights.load(trainer.judges, tensors, "discriminators.")
        trainer.average = [p.detach().clone() for p in trainer.generator_parameters]

    def step(self, request: dict) -> dict[str, float]:
        trainer = self.trainer
        for adam, side in [(trainer.generator_adam, "generator"), (trainer.judge_adam, "discriminator")]:
            for group in adam.param_groups:
                group["lr"] = request[f"{side}_rate"]
        trainer.average_share = request["average_share"]
        warm_up = request["warm_up"]
        frames, condition = self.data.windows(
            request["places"], self.lead + warm_up + request["frames"]
        )
        return trainer.step(frames, condition, request["cold"], self.lead, warm_up)

    @torch.no_grad()
    def generate(self, first: int, count: int) -> np.ndarray:
        """Frames `first` ... of the clip in closed loop, by the average; [count,H,W,3] bytes."""
        trainer = self.trainer
        kept = [p.detach().clone() for p in trainer.generator_parameters]
        torch._foreach_copy_(trainer.generator_parameters, trainer.average)
        start = first - self.lead
        frames, condition = self.data.windows([[start, 1]], self.lead + count)
        past = [frames[:, t] for t in range(self.lead - 1, -1, -1)]
        history = torch.cat(past[: trainer.generator.history_frames], 1)
        out, _ = trainer.roll(condition, history, self.lead, count, False)
        torch._foreach_copy_(trainer.generator_parameters, kept)
        made = torch.stack(out.frames, 1)[0].permute(0, 2, 3, 1)
        return ((made + 1) * 127.5 + 0.5).floor().clamp(0, 255).to(torch.uint8).numpy()


def seconds_of(request: dict, channels_last: bool) -> float:
    """A step's time in one memory format, the first left out, on networks of their own."""
    training = Training(request, channels_last)
    seconds = []
    for _ in range(1 + TIMED_STEPS):
        started = time.perf_counter()
        training.step(request["example"])
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds[1:])


class Worker:
    def open(self, request: dict) -> dict:
        torch.set_num_threads(request["threads"])
        times = {last: seconds_of(request, last) for last in (False, True)}
        fastest = min(times, key=times.__getitem__)
        self.training = Training(request, fastest)
        return {
            "torch": torch.__version__,
            "threads": torch.get_num_threads(),
            "format": "channels-last" if fastest else "eager",
        }

    def step(self, request: dict) -> dict:
        started = time.perf_counter()
        terms = self.training.step(request)
        broken = [name for name, value in terms.items() if not math.isfinite(value)]
        return {"seconds": time.perf_counter() - started, "terms": terms, "broken": broken}

    def save(self, request: dict) -> dict:
        trainer = self.training.trainer
        tensors = frameloom_weights.saved(trainer.generator, trainer.average, "average.")
        save_file(tensors, request["weights"])
        return {}

    def generate(self, request: dict) -> dict:
        self.training.generate(request["first"], request["count"]).tofile(request["file"])
        return {}


def main() -> None:
    worker = Worker()
    asked = ("open", "step", "save", "generate")
    serve({name: getattr(worker, name) for name in asked})


if __name__ == "__main__":
    main()
