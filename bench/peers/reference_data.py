"""Frames and edges of a clip, through ffmpeg."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

EDGES = "edgedetect=low=0.05:high=0.15"


def find_ffmpeg(given: str | None) -> str:
    found = given or shutil.which("ffmpeg")
    if not found:
        raise SystemExit("ffmpeg is not on PATH: give it with --ffmpeg")
    return found


def decode(
    ffmpeg: str, clip: Path, width: int, height: int, edges: bool
) -> np.ndarray:
    """All frames as bytes: [T,H,W,3], or [T,H,W,1] of edges found at the size asked for."""
    chain = f"scale={width}:{height}:flags=area"
    if edges:
        chain += f",{EDGES}"
    channels, pixel_format = (1, "gray") if edges else (3, "rgb24")
    command = [ffmpeg, "-v", "error", "-i", str(clip), "-vf", chain]
    command += ["-f", "rawvideo", "-pix_fmt", pixel_format, "pipe:1"]
    data = subprocess.run(command, check=True, capture_output=True).stdout
    return np.frombuffer(data, np.uint8).reshape(-1, height, width, channels)


def to_tensor(frames: np.ndarray) -> Tensor:
    """Bytes [T,H,W,C] -> [T,C,H,W] in [-1, 1]."""
    return torch.from_numpy(frames.astype(np.float32) / 127.5 - 1).permute(0, 3, 1, 2).contiguous()


class Clip:
    """frames [T,3,H,W] and edges [T,1,H,W]; the first 80 % train, the rest is held out."""

    def __init__(self, ffmpeg: str, path: Path, width: int, height: int) -> None:
        self.frames = to_tensor(decode(ffmpeg, path, width, height, edges=False))
        self.edges = to_tensor(decode(ffmpeg, path, width, height, edges=True))
        if len(self.frames) != len(self.edges):
            raise SystemExit(f"{path}: {len(self.frames)} frames, {len(self.edges)} of edges")
        self.train_count = int(len(self.frames) * 0.8)
        self.first_generated = self.train_count + 2

    def window(self, source: np.random.Generator, frames: int) -> tuple[Tensor, Tensor]:
        """A training window of 2 + `frames` frames and its edges, [1,2+T,...] each."""
        start = int(source.integers(0, self.train_count - frames - 2 + 1))
        stop = start + frames + 2
        return self.frames[None, start:stop], self.edges[None, start:stop]
