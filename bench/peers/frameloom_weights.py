"""Weights of the mirrored networks under the names and in the layouts that Frameloom has.

Convolutions are HWIO there, and pixels are folded into channels block by block, where PyTorch goes
channel by channel.
"""

from __future__ import annotations

import re

import torch
from torch import Tensor, nn


def frameloom_name(name: str) -> str:
    name = re.sub(r"(scales)\.(\d+)\.", r"scale\2.", name).replace("stages.", "")
    name = name.replace(".conv.", ".")
    name = name.replace("_norm.", ".norm.")
    if re.search(r"norm\d?\.\w+$", name):
        name = name.replace(".weight", ".gamma").replace(".bias", ".beta")
    return name


def regrouped(x: Tensor, axis: int, groups: int) -> Tensor:
    """Channels [groups, rest] -> [rest, groups]."""
    return x.unflatten(axis, (groups, -1)).transpose(axis, axis + 1).flatten(axis, axis + 1)


def to_frameloom(name: str, x: Tensor) -> Tensor:
    if x.ndim == 4:
        x = x.permute(2, 3, 1, 0)
    if name.endswith("stem.weight"):
        x = regrouped(x, 2, x.shape[2] // 4)
    if name.startswith("heads."):
        axis = x.ndim - 1
        picture = regrouped(x.narrow(axis, 0, 16), axis, 4)
        x = torch.cat([picture, x.narrow(axis, 16, 2)], axis)
    return x


def from_frameloom(name: str, x: Tensor) -> Tensor:
    if name.startswith("heads."):
        axis = x.ndim - 1
        picture = regrouped(x.narrow(axis, 0, 16), axis, 4)
        x = torch.cat([picture, x.narrow(axis, 16, 2)], axis)
    if name.endswith("stem.weight"):
        x = regrouped(x, 2, 4)
    return x.permute(3, 2, 0, 1) if x.ndim == 4 else x


def named(network: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters by Frameloom's names, in its order."""
    return {frameloom_name(name): value for name, value in network.named_parameters()}


@torch.no_grad()
def load(network: nn.Module, tensors: dict[str, Tensor], prefix: str) -> None:
    """Takes over parameters, and the singular vectors `u` of spectral norm where there are any.

    Raises KeyError or RuntimeError where the file is of another network.
    """
    own = named(network)
    wanted = {name.removeprefix(prefix) for name in tensors if name.startswith(prefix)}
    if wanted != own.keys():
        raise KeyError(f"other parameters than the mirror's: {sorted(wanted ^ own.keys())}")
    for name, parameter in own.items():
        parameter.copy_(from_frameloom(name, tensors[prefix + name]))
    for path, module in network.named_modules():
        if hasattr(module, "power_step") and hasattr(module, "u"):
            module.u.copy_(tensors[f"spectral.{frameloom_name(path + '.weight')}.u"].flatten())


def saved(network: nn.Module, values: list[Tensor], prefix: str) -> dict[str, Tensor]:
    """Values in the order of a network's parameters, as Frameloom's file holds them."""
    return {
        prefix + name: to_frameloom(name, value).float().contiguous()
        for name, value in zip(named(network), values, strict=True)
    }
