"""Writes test/golden/features.json: distances of features by NumPy and SciPy, and resized pictures by PyTorch.

    python bench/peers/golden_features.py
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from scipy import linalg

from golden_file import SEED, tensor, write


def kid(x: np.ndarray, y: np.ndarray) -> float:
    """The unbiased estimate of Bińkowski et al. 2018, all vectors at once."""

    def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return (a @ b.T / a.shape[1] + 1) ** 3

    m, n = len(x), len(y)
    xx, yy = kernel(x, x), kernel(y, y)
    return float(
        (xx.sum() - np.trace(xx)) / (m * (m - 1))
        + (yy.sum() - np.trace(yy)) / (n * (n - 1))
        - 2 * kernel(x, y).mean()
    )


def fid(x: np.ndarray, y: np.ndarray) -> float:
    """As pytorch-fid has it, by the matrix square root."""
    a, b = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = linalg.sqrtm(a @ b)
    apart = x.mean(0) - y.mean(0)
    return float(apart @ apart + np.trace(a) + np.trace(b) - 2 * np.trace(root).real)


def make_features() -> None:
    random = np.random.default_rng(SEED)
    cases = []
    for name, made, real, length in [
        ("more vectors than numbers", 40, 30, 5),
        ("one number", 12, 12, 1),
        ("fewer on one side", 6, 30, 9),
        ("fewer on both sides", 7, 8, 20),
        ("numbers that are always 0", 30, 30, 8),
    ]:
        mixed = random.normal(size=(length, length))
        x = np.maximum(0, random.normal(size=(made, length)) @ mixed + 0.3)
        y = np.maximum(0, random.normal(size=(real, length)) @ mixed)
        if name == "numbers that are always 0":
            x[:, 2:5], y[:, 3:6] = 0, 0
        # What the test reads is what is computed with.
        x, y = (np.array([float(f"{v:.9g}") for v in z.ravel()]).reshape(z.shape) for z in (x, y))
        cases.append(
            {
                "name": name,
                **{"made": tensor(x), "real": tensor(y)},
                **{"kid": kid(x, y), "fid": fid(x, y) if length > 1 else fid_of_one(x, y)},
            }
        )
    for name, size, to in [
        ("larger", (5, 7), (9, 16)),
        ("smaller", (13, 17), (4, 6)),
        ("narrower and higher", (6, 19), (11, 5)),
    ]:
        image = torch.from_numpy(random.uniform(-1, 1, (*size, 3)).astype(np.float32))
        resized = F.interpolate(
            image.permute(2, 0, 1)[None], size=to, mode="bilinear", antialias=True
        )
        cases.append(
            {
                "name": name,
                **{"image": tensor(image), "resized": tensor(resized[0].permute(1, 2, 0))},
            }
        )
    about = (
        "made, real: features [count, length]; kid with the kernel (x.y/d + 1)^3, unbiased; fid by "
        "scipy.linalg.sqrtm. image, resized: [H,W,C] by interpolate(mode=bilinear, antialias=True), float32."
    )
    write("features", about, ["numpy", "scipy", "torch"], cases, script="golden_features")


def fid_of_one(x: np.ndarray, y: np.ndarray) -> float:
    return float((x.mean() - y.mean()) ** 2 + (x.std(ddof=1) - y.std(ddof=1)) ** 2)


if __name__ == "__main__":
    make_features()
