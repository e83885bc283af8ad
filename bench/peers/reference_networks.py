"""The networks of Frameloom's design, written plainly in PyTorch.

One definition for the training reference, the speed benches and the golden values. Tensors are
NCHW inside this file, images are in [-1, 1], flow is in pixels (x right, y down).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

LEAKY_SLOPE = 0.2
NORM_EPSILON = 1e-5


def warp(image: Tensor, flow: Tensor) -> Tensor:
    """Backward warp: out[y, x] = image[y + flow_y, x + flow_x], bilinear, border clamp.

    image [N,C,H,W], flow [N,2,H,W] in pixels (channel 0 is x). grid_sample with
    align_corners=True puts -1 and 1 on the centres of the first and last pixel, so a pixel
    coordinate p becomes 2p/(size - 1) - 1.
    """
    height, width = image.shape[2:]
    y, x = torch.meshgrid(
        torch.arange(height, dtype=flow.dtype, device=flow.device),
        torch.arange(width, dtype=flow.dtype, device=flow.device),
        indexing="ij",
    )
    grid = torch.stack(
        [
            2 * (x + flow[:, 0]) / max(width - 1, 1) - 1,
            2 * (y + flow[:, 1]) / max(height - 1, 1) - 1,
        ],
        dim=-1,
    )
    return F.grid_sample(image, grid, "bilinear", "border", align_corners=True)


def norm(channels: int) -> nn.InstanceNorm2d:
    return nn.InstanceNorm2d(channels, eps=NORM_EPSILON, affine=True)


def conv(inputs: int, outputs: int, kernel: int, stride: int = 1, bias: bool = True) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=bias)


def conv_norm_relu(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    # The norm takes any bias away, so the convolution has none.
    return nn.Sequential(
        conv(inputs, outputs, kernel, stride, bias=False), norm(outputs), nn.ReLU(inplace=True)
    )


def encoder(inputs: int, channels: int) -> nn.Sequential:
    """[N,inputs,H,W] -> [N,4*channels,H/4,W/4]."""
    return nn.Sequential(
        conv_norm_relu(inputs, channels, 7),
        conv_norm_relu(channels, 2 * channels, 3, 2),
        conv_norm_relu(2 * channels, 4 * channels, 3, 2),
    )


def decoder(channels: int) -> nn.Sequential:
    """[N,4*channels,H/4,W/4] -> [N,channels,H,W]."""
    return nn.Sequential(
        nn.Upsample(scale_factor=2, mode="nearest"),
        conv_norm_relu(4 * channels, 2 * channels, 3),
        nn.Upsample(scale_factor=2, mode="nearest"),
        conv_norm_relu(2 * channels, channels, 3),
    )


class ResidualBlock(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = conv_norm_relu(channels, channels, 3)
        self.second = nn.Sequential(conv(channels, channels, 3, bias=False), norm(channels))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(self.first(x))


def residual_blocks(count: int, channels: int) -> nn.Sequential:
    return nn.Sequential(*(ResidualBlock(channels) for _ in range(count)))


class Generator(nn.Module):
    """Condition window + history -> one frame."""

    def __init__(
        self,
        condition_channels: int = 1,
        condition_frames: int = 3,
        history_frames: int = 2,
        channels: int = 24,
        blocks: int = 3,
        branch_blocks: int = 1,
        flow_scale_pixels: float = 8.0,
    ) -> None:
        super().__init__()
        self.condition_frames = condition_frames
        self.history_frames = history_frames
        self.flow_scale_pixels = flow_scale_pixels
        deep = 4 * channels
        self.condition_encoder = encoder(condition_channels * condition_frames, channels)
        self.history_encoder = encoder(3 * history_frames, channels)
        self.shared = residual_blocks(blocks, deep)
        self.image_branch = nn.Sequential(
            residual_blocks(branch_blocks, deep), decoder(channels), conv(channels, 3, 7)
        )
        self.flow_branch = nn.Sequential(residual_blocks(branch_blocks, deep), decoder(channels))
        self.flow_head = conv(channels, 2, 7)
        self.mask_head = conv(channels, 1, 7)

    def forward(
        self, condition: Tensor, history: Tensor, has_history: bool = True
    ) -> dict[str, Tensor]:
        """condition [N,frames*C,H,W], history [N,frames*3,H,W], both newest last.

        Without a history (all zero then) there is nothing to warp: the frame is the hallucinated
        image.
        """
        features = self.shared(self.condition_encoder(condition) + self.history_encoder(history))
        raw = torch.tanh(self.image_branch(features))
        motion = self.flow_branch(features)
        flow = self.flow_scale_pixels * self.flow_head(motion)
        mask = torch.sigmoid(self.mask_head(motion))
        if has_history:
            frame = mask * raw + (1 - mask) * warp(history[:, -3:], flow)
        else:
            frame = raw
        return {"frame": frame, "raw": raw, "flow": flow, "mask": mask}

    def rollout(
        self,
        condition: Tensor,
        history: Tensor,
        has_history: bool = True,
        gradient_checkpointing: bool = False,
    ) -> dict[str, Tensor]:
        """Generates T frames in a row, each from the last, gradients through all of them.

        condition [N,T+condition_frames-1,C,H,W]; history [N,history_frames,3,H,W] (zero when
        has_history is False). Returns frame, raw, flow and mask, each [N,T,...].
        """
        step = self.forward
        steps = []
        past = history.flatten(1, 2)
        for t in range(condition.shape[1] - self.condition_frames + 1):
            window = condition[:, t : t + self.condition_frames].flatten(1, 2)
            known = has_history or t > 0
            if gradient_checkpointing:
                out = checkpoint(step, window, past, known, use_reentrant=False)
            else:
                out = step(window, past, known)
            steps.append(out)
            past = torch.cat([past[:, 3:], out["frame"]], dim=1)
        return {key: torch.stack([out[key] for out in steps], dim=1) for key in steps[0]}


class SpectralConv2d(nn.Conv2d):
    """Convolution whose weight is divided by its largest singular value (Miyato et al. 2018).

    The weight is read as the matrix [O, I*K*K]. `power_step()` takes one power iteration; sigma is
    u.W.v with u and v constant, so the gradient runs through W in both places.
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        matrix = self.weight.detach().flatten(1)
        self.register_buffer("u", F.normalize(torch.randn(matrix.shape[0]), dim=0))
        self.register_buffer("v", F.normalize(torch.randn(matrix.shape[1]), dim=0))
        for _ in range(15):
            self.power_step()

    @torch.no_grad()
    def power_step(self) -> None:
        matrix = self.weight.flatten(1)
        self.v.copy_(F.normalize(matrix.t() @ self.u, dim=0, eps=1e-12))
        self.u.copy_(F.normalize(matrix @ self.v, dim=0, eps=1e-12))

    def sigma(self) -> Tensor:
        # Copies: the buffers move on before the backward pass of an older step would read them.
        return torch.dot(self.u.clone(), self.weight.flatten(1) @ self.v.clone())

    def forward(self, x: Tensor) -> Tensor:
        return self._conv_forward(x, self.weight / self.sigma(), self.bias)


class PatchDiscriminator(nn.Module):
    """Strided 4x4 convolutions, leaky 0.2, then one 4x4 convolution to a map of logits."""

    def __init__(
        self, inputs: int, channels: int = 24, layers: int = 3, spectral_norm: bool = True
    ) -> None:
        super().__init__()
        convolution = SpectralConv2d if spectral_norm else nn.Conv2d
        widths = [inputs] + [channels * 2**i for i in range(layers)]
        self.layers = nn.ModuleList(
            convolution(widths[i], widths[i + 1], 4, 2, padding=1) for i in range(layers)
        )
        self.logits = convolution(widths[-1], 1, 4, 1, padding=1)

    def forward(self, x: Tensor) -> list[Tensor]:
        """The features of each layer, the logits last."""
        features = []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), LEAKY_SLOPE)
            features.append(x)
        return [*features, self.logits(x)]


class MultiScaleDiscriminator(nn.Module):
    """Copies that judge the input at 1, 1/2, 1/4 ... of its size."""

    def __init__(self, inputs: int, scales: int = 2, **options) -> None:
        super().__init__()
        self.scales = nn.ModuleList(PatchDiscriminator(inputs, **options) for _ in range(scales))

    def forward(self, x: Tensor) -> list[list[Tensor]]:
        outputs = []
        for index, network in enumerate(self.scales):
            if index > 0:
                x = F.avg_pool2d(x, 2)
            outputs.append(network(x))
        return outputs

    def power_step(self) -> None:
        for module in self.modules():
            if isinstance(module, SpectralConv2d):
                module.power_step()


def initialize(network: nn.Module, seed: int) -> None:
    """Normal weights of deviation 0.02 in every convolution (Radford et al. 2016), zero biases."""
    source = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            with torch.no_grad():
                module.weight.normal_(0, 0.02, generator=source)
                if module.bias is not None:
                    module.bias.zero_()
        if isinstance(module, SpectralConv2d):
            module.u.copy_(F.normalize(torch.randn(module.u.shape, generator=source), dim=0))
            for _ in range(15):
                module.power_step()


def parameter_count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())
