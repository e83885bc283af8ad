"""Trains the reference on one clip and measures a closed-loop rollout of its held-out part.

    python bench/peers/train_reference.py --clip clip.mp4 --size 128x72 --minutes 8 --json out.json
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import torch

from reference_data import Clip, find_ffmpeg
from reference_measures import baselines, measure
from reference_networks import parameter_count
from reference_step import StepOptions, Trainer

COLD_START_FRACTION = 0.2


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--clip", type=Path, required=True)
    parser.add_argument("--size", default="128x72", help="width x height, multiples of 16")
    parser.add_argument("--minutes", type=float, default=8, help="training time")
    parser.add_argument("--steps", type=int, default=None, help="stop after this many steps")
    parser.add_argument("--frames", type=int, default=5, help="frames of a rollout")
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--channels-last", action="store_true")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--gradient-checkpointing", action="store_true")
    parser.add_argument("--no-spectral-norm", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--ffmpeg", default=None, help="the ffmpeg program, if not on PATH")
    parser.add_argument("--json", type=Path, default=None, help="write the report here")
    parser.add_argument("--save-strip", type=Path, default=None, help="write a picture here")
    return parser.parse_args()


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def train(trainer: Trainer, clip: Clip, options: argparse.Namespace) -> dict:
    source = np.random.default_rng(options.seed)
    seconds: list[float] = []
    started = time.perf_counter()
    while options.steps is None or len(seconds) < options.steps:
        begun = time.perf_counter()
        if begun - started >= options.minutes * 60:
            break
        frames, edges = clip.window(source, options.frames)
        terms = trainer.step(frames, edges, has_history=source.random() >= COLD_START_FRACTION)
        if not all(np.isfinite(value) for value in terms.values()):
            raise SystemExit(f"step {len(seconds) + 1}: a loss is not finite: {terms}")
        seconds.append(time.perf_counter() - begun)
        if len(seconds) % 50 == 0:
            words = "  ".join(f"{key} {value:.3f}" for key, value in terms.items())
            say(f"step {len(seconds)}  {statistics.median(seconds[-50:]):.3f} s/step  {words}")
    return {
        "steps": len(seconds),
        "trainSeconds": time.perf_counter() - started,
        "medianStepSeconds": statistics.median(seconds),
        "stepsPerSecond": len(seconds) / sum(seconds),
    }


@torch.no_grad()
def roll_held_out(trainer: Trainer, clip: Clip, has_history: bool) -> np.ndarray:
    """Closed loop over the held-out part, from its own first two frames or from none.

    Those two are seen, not generated, so every other held-out frame is at least two frames away
    from anything trained on.
    """
    history = clip.frames[None, clip.train_count : clip.first_generated]
    edges = clip.edges[None, clip.train_count :]
    past = history if has_history else torch.zeros_like(history)
    frames = trainer.generator.rollout(edges, past, has_history)["frame"][0]
    return frames.permute(0, 2, 3, 1).numpy()


def save_strip(path: Path, edges: np.ndarray, generated: np.ndarray, real: np.ndarray) -> None:
    from skimage.io import imsave

    chosen = np.linspace(0, len(real) - 1, 6).round().astype(int)
    rows = [np.repeat(edges, 3, axis=3), generated, real]
    picture = np.concatenate([np.concatenate(list(row[chosen]), 1) for row in rows], 0)
    imsave(path, ((picture + 1) * 127.5).round().clip(0, 255).astype(np.uint8))


def main() -> None:
    options = arguments()
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    width, height = (int(part) for part in options.size.split("x"))
    clip = Clip(find_ffmpeg(options.ffmpeg), options.clip, width, height)
    trainer = Trainer(
        StepOptions(
            spectral_norm=not options.no_spectral_norm,
            channels_last=options.channels_last,
            compile=options.compile,
            gradient_checkpointing=options.gradient_checkpointing,
            seed=options.seed,
        )
    )
    say(f"{len(clip.frames)} frames, {clip.train_count} of them trained on; {torch.get_num_threads()} threads")
    say(f"generator {parameter_count(trainer.generator):,} parameters")
    speed = train(trainer, clip, options)

    real, edges = (x.permute(0, 2, 3, 1).numpy() for x in (clip.frames, clip.edges))
    cut = clip.train_count
    first = clip.first_generated
    held_out = real[first:]
    generated = roll_held_out(trainer, clip, has_history=True)
    rows = {"generated": measure(generated, held_out)}
    rows["coldStart"] = measure(roll_held_out(trainer, clip, has_history=False), held_out)
    simple = baselines(real[:cut], edges[:cut], edges[first:], real[first - 1])
    rows.update({name: measure(frames, held_out) for name, frames in simple.items()})
    if options.save_strip:
        save_strip(options.save_strip, edges[first:], generated, held_out)

    report = {
        "clip": options.clip.name,
        "size": options.size,
        "frames": options.frames,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "channelsLast": options.channels_last,
        "compile": options.compile,
        "gradientCheckpointing": options.gradient_checkpointing,
        "spectralNorm": not options.no_spectral_norm,
        "seed": options.seed,
        "generatorParameters": parameter_count(trainer.generator),
        **speed,
        "heldOut": rows,
    }
    print(f"{speed['steps']} steps, {speed['stepsPerSecond']:.3f} steps/s, median {speed['medianStepSeconds']:.3f} s/step")
    print(f"{'':<12}{'PSNR':>7}{'SSIM':>8}{'sharp':>8}{'|dt|':>9}{'real':>9}")
    for name, row in rows.items():
        print(
            f"{name:<12}{row['psnr']:>7.2f}{row['ssim']:>8.3f}{row['sharpnessRatio']:>8.2f}"
            f"{row['temporalDifference']:>9.4f}{row['realTemporalDifference']:>9.4f}"
        )
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
