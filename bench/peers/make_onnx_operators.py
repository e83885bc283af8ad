"""Writes what the ONNX standard says of the ops that exported files are made of, for tests.

    $(node bench/peers/setup.mjs) bench/peers/make_onnx_operators.py >test/golden/onnx-operators.json

Of each op and operator set: inputs and outputs with their types, and attributes.
"""

from __future__ import annotations

import json

import onnx

OPSETS = (13, 16, 17)
OPS = (
    "Abs Add AveragePool Cast Clip Concat Conv ConvTranspose DepthToSpace Div Floor Gather Greater "
    "GridSample InstanceNormalization LeakyRelu Mul Pad Range ReduceMax ReduceMean Relu Reshape "
    "Resize Shape Sigmoid Slice Sub Tanh Transpose Where"
).split()


def parameter(formal) -> dict:
    option = onnx.defs.OpSchema.FormalParameterOption
    kind = {option.Single: "one", option.Optional: "optional", option.Variadic: "many"}
    return {"type": formal.type_str, "how": kind[formal.option]}


def schema(op: str, opset: int) -> dict | None:
    try:
        found = onnx.defs.get_schema(op, opset)
    except onnx.defs.SchemaError:
        return None
    return {
        "since": found.since_version,
        "inputs": [parameter(one) for one in found.inputs],
        "outputs": [parameter(one) for one in found.outputs],
        "types": {
            one.type_param_str: sorted(one.allowed_type_strs)
            for one in found.type_constraints
        },
        "attributes": {
            name: {"type": one.type.name, "required": one.required}
            for name, one in found.attributes.items()
        },
    }


def main() -> None:
    lines = []
    for opset in OPSETS:
        for op in OPS:
            if found := schema(op, opset):
                key = json.dumps(f"{op} {opset}")
                lines.append(f"    {key}: {json.dumps(found, sort_keys=True)}")
    body = ",\n".join(lines)
    print(f'{{\n  "onnx": "{onnx.__version__}",\n  "ops": {{\n{body}\n  }}\n}}')


if __name__ == "__main__":
    main()
