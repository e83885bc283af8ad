"""Holds an exported generator to the ONNX standard and to the frames that TensorFlow.js made.

    npx tsx bench/onnx-case.ts RUN generator.onnx
    $(node bench/peers/setup.mjs) bench/peers/check_onnx.py generator.onnx

Reads the frames from generator.onnx.safetensors; --frames names another file of them. A file for
OpenCV is run by OpenCV too.
"""

from __future__ import annotations

import argparse
import json
import struct
from pathlib import Path

import cv2
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


def check_format(path: Path) -> dict[str, str]:
    """Whether it is well-formed, with types and shapes that follow. Returns what it says of itself."""
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    inferred = onnx.shape_inference.infer_shapes(
        model, check_type=True, strict_mode=True, data_prop=True
    )
    known = {value.name for value in (*inferred.graph.value_info, *inferred.graph.output)}
    open_ended = [
        name for node in model.graph.node for name in node.output if name not in known
    ]
    if open_ended:
        raise SystemExit(f"{path}: no shape follows for {', '.join(open_ended)}")
    opsets = {entry.domain: entry.version for entry in model.opset_import}
    if opsets.get("", 0) < 13:
        raise SystemExit(f"{path}: opset {opsets}, expected 13 or later")
    told = {entry.key: entry.value for entry in model.metadata_props}
    needed = {"frameloom.pipeline", "frameloom.colour", "frameloom.tensors", "frameloom.target"}
    if missing := needed - told.keys():
        raise SystemExit(f"{path}: no {', '.join(sorted(missing))} in the metadata")
    print(f"{path}: {len(model.graph.node)} nodes, opset {opsets['']}, well-formed")
    return told


def onnxruntime_of(path: Path):
    """Feeds to outputs, by name."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    shapes = {entry.name: entry.shape for entry in session.get_inputs()}
    names = [entry.name for entry in session.get_outputs()]

    def run(feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        # The one number of has_history has as many axes as the file wants.
        given = {
            name: values.reshape([1] * len(shapes[name])) if values.size == 1 else values
            for name, values in feeds.items()
            if name in shapes
        }
        return dict(zip(names, session.run(names, given)))

    return run, names


def opencv_of(path: Path, names: list[str]):
    """The same by OpenCV, which is told nothing but the file."""
    net = cv2.dnn.readNetFromONNX(str(path))
    wanted = {entry.name for entry in onnx.load(path).graph.input}

    def run(feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        for name, values in feeds.items():
            if name in wanted:
                net.setInput(values.reshape(1, 1, 1, 1) if values.size == 1 else values, name)
        return {name: made.copy() for name, made in zip(names, net.forward(names))}

    return run


def compare(runtime: str, run, frames: list[tuple[dict, dict]], tolerance: float) -> None:
    """Each frame from the saved past, then all of them each from the one before it."""
    worst: dict[str, float] = {}
    for recurrent in (False, True):
        history = None
        for inputs, expected in frames:
            feeds = dict(inputs)
            if recurrent and history is not None:
                feeds["history"] = history
            made = run(feeds)
            history = made["next_history"]
            for name, values in expected.items():
                difference = np.abs(made[name] - values).max()
                if not difference <= tolerance:
                    raise SystemExit(f"{runtime}: {name} is {difference} from TensorFlow.js's")
                worst[name] = max(worst.get(name, 0.0), float(difference))
    compared = ", ".join(f"{name} {value:.1e}" for name, value in worst.items())
    print(f"{runtime}: {len(frames)} frames, furthest from TensorFlow.js: {compared}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path, help="what `frameloom export` wrote")
    parser.add_argument("--frames", type=Path, help="FILE.safetensors unless given")
    parser.add_argument("--tolerance", type=float, default=1e-3)
    arguments = parser.parse_args()
    frames = arguments.frames or arguments.file.with_name(
        arguments.file.name + ".safetensors"
    )
    told = check_format(arguments.file)
    cases = frames_of(read_safetensors(frames))
    run, names = onnxruntime_of(arguments.file)
    compare("ONNX Runtime", run, cases, arguments.tolerance)
    if told["frameloom.target"] == "opencv":
        by_opencv = opencv_of(arguments.file, names)
        compare(f"OpenCV {cv2.__version__}", by_opencv, cases, arguments.tolerance)


if __name__ == "__main__":
    main()
