"""How golden values are written: recipe first, then cases of named tensors."""

from __future__ import annotations

import json
import platform
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

FOLDER = Path(__file__).resolve().parents[2] / "test" / "golden"
SEED = 20260
SIGNIFICANT_DIGITS = 9  # float32 needs no more


def tensor(value) -> dict:
    """{shape, values}, row by row."""
    array = value.detach().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
    flat = array.ravel().tolist()
    if array.dtype.kind == "f":
        flat = [float(f"{x:.{SIGNIFICANT_DIGITS}g}") for x in flat]
    return {"shape": list(array.shape), "values": flat}


def nhwc(value: torch.Tensor) -> dict:
    """An [N,C,H,W] tensor, stored as [N,H,W,C]."""
    return tensor(value.detach().permute(0, 2, 3, 1))


def hwio(weight: torch.Tensor) -> dict:
    """A convolution's [O,I,H,W] weight, stored as [H,W,I,O]."""
    return tensor(weight.detach().permute(2, 3, 1, 0))


def write(
    name: str, about: str, packages: list[str], cases: list[dict], script: str = "make_golden"
) -> None:
    document = {
        "recipe": {
            "command": f"python bench/peers/{script}.py",
            "seed": SEED,
            "python": platform.python_version(),
            "versions": {package: version(package) for package in packages},
        },
        "about": about,
        "cases": cases,
    }
    text = json.dumps(document, separators=(",", ":"))
    # One case a line, so that a change shows as a change of cases.
    text = text.replace('"cases":[', '"cases":[\n').replace('},{"name"', '},\n{"name"')
    (FOLDER / f"{name}.json").write_text(text + "\n")
    print(f"test/golden/{name}.json: {len(cases)} cases")
