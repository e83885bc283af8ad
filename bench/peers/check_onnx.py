"""Holds an exported generator to the ONNX standard and to the frames that TensorFlow.js made.

    npx tsx bench/onnx-case.ts RUN generator.onnx
    $(node bench/peers/setup.mjs) bench/peers/check_onnx.py generator.onnx

Reads the frames from generator.onnx.safetensors; --frames names another file of them.
"""

from __future__ import annotations

import argparse
import json
import struct
from pathlib import Path

import numpy as np
import onnx
import onnxruntime


def read_safetensors(path: Path) -> dict[str, np.ndarray]:
    """float32 arrays by name."""
    raw = path.read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + length])
    body = raw[8 + length :]
    arrays = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        if entry["dtype"] != "F32":
            raise SystemExit(f"{path}: {name} is {entry['dtype']}, not F32")
        begin, end = entry["data_offsets"]
        values = np.frombuffer(body[begin:end], dtype="<f4")
        arrays[name] = values.reshape(entry["shape"])
    return arrays


def frames_of(arrays: dict[str, np.ndarray]) -> list[tuple[dict, dict]]:
    """Inputs and outputs by name, frame after frame."""
    count = 1 + max(int(name.split(".", 1)[0]) for name in arrays)

    def part(frame: int, kind: str) -> dict[str, np.ndarray]:
        start = f"{frame}.{kind}."
        return {
            name.removeprefix(start): values
            for name, values in arrays.items()
            if name.startswith(start)
        }

    return [(part(frame, "in"), part(frame, "out")) for frame in range(count)]


def check_format(path: Path) -> None:
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    opsets = {entry.domain: entry.version for entry in model.opset_import}
    if opsets.get("", 0) < 17:
        raise SystemExit(f"{path}: opset {opsets}, expected 17 or later")
    told = {entry.key for entry in model.metadata_props}
    missing = {"frameloom.pipeline", "frameloom.colour", "frameloom.tensors"} - told
    if missing:
        raise SystemExit(f"{path}: no {', '.join(sorted(missing))} in the metadata")
    print(f"{path}: {len(model.graph.node)} nodes, opset {opsets['']}, well-formed")


def compare(path: Path, frames: list[tuple[dict, dict]], tolerance: float) -> None:
    """Each frame from the saved past, then all of them each from the one before it."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    wanted = {entry.name for entry in session.get_inputs()}
    names = [entry.name for entry in session.get_outputs()]
    worst = dict.fromkeys(names, 0.0)
    for recurrent in (False, True):
        history = None
        for inputs, expected in frames:
            feeds = {name: values for name, values in inputs.items() if name in wanted}
            if recurrent and history is not None:
                feeds["history"] = history
            made = dict(zip(names, session.run(names, feeds)))
            history = made["next_history"]
            for name, values in expected.items():
                difference = np.abs(made[name] - values).max()
                if not difference <= tolerance:
                    raise SystemExit(f"{path}: {name} is {difference} from TensorFlow.js's")
                worst[name] = max(worst[name], float(difference))
    compared = ", ".join(f"{name} {value:.1e}" for name, value in worst.items())
    print(f"{len(frames)} frames, furthest from TensorFlow.js: {compared}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path, help="what `frameloom export` wrote")
    parser.add_argument("--frames", type=Path, help="FILE.safetensors unless given")
    parser.add_argument("--tolerance", type=float, default=1e-3)
    arguments = parser.parse_args()
    frames = arguments.frames or arguments.file.with_name(
        arguments.file.name + ".safetensors"
    )
    check_format(arguments.file)
    compare(arguments.file, frames_of(read_safetensors(frames)), arguments.tolerance)


if __name__ == "__main__":
    main()
