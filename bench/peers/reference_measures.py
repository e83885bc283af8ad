"""Measures over two lists of frames, and the three baselines."""

from __future__ import annotations

import numpy as np
from skimage.metrics import peak_signal_noise_ratio, structural_similarity


def measure(generated: np.ndarray, real: np.ndarray) -> dict[str, float]:
    """Both [T,H,W,3] in [-1, 1]. PSNR and SSIM are over [0, 1], the others in [-1, 1] units."""
    psnr, ssim = [], []
    for fake, true in zip(generated / 2 + 0.5, real / 2 + 0.5, strict=True):
        # A floor keeps equal frames finite: 100 dB.
        psnr.append(min(peak_signal_noise_ratio(true, fake, data_range=1), 100))
        ssim.append(structural_similarity(true, fake, win_size=7, channel_axis=2, data_range=1))
    return {
        "psnr": float(np.mean(psnr)),
        "ssim": float(np.mean(ssim)),
        "sharpnessRatio": sharpness(generated) / sharpness(real),
        "temporalDifference": temporal_difference(generated),
        "realTemporalDifference": temporal_difference(real),
    }


def sharpness(frames: np.ndarray) -> float:
    """Mean over both directions of the mean absolute difference of neighbouring pixels."""
    return float(
        (np.abs(np.diff(frames, axis=2)).mean() + np.abs(np.diff(frames, axis=1)).mean()) / 2
    )


def temporal_difference(frames: np.ndarray) -> float:
    return float(np.abs(np.diff(frames, axis=0)).mean())


def baselines(
    train: np.ndarray, train_condition: np.ndarray, condition: np.ndarray, last_seen: np.ndarray
) -> dict[str, np.ndarray]:
    """Frames the three baselines would give for each held-out frame."""
    count = len(condition)
    nearest = [int(np.abs(train_condition - wanted).mean((1, 2, 3)).argmin()) for wanted in condition]
    return {
        "freeze": np.repeat(last_seen[None], count, 0),
        "mean": np.repeat(train.mean(0, keepdims=True), count, 0),
        "nearest": train[nearest],
    }
