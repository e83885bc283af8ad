"""Frameloom's own networks (src/networks), layer by layer, in plain PyTorch. NCHW.

The benches run and train them beside Frameloom, and the golden training steps come from them.

Padding. TensorFlow's SAME puts an odd pixel of padding at the bottom and right, which PyTorch can
only do by copying. With `exact` the networks do so, and equal Frameloom's to rounding. Without, they
pad both sides alike inside the convolution, as a PyTorch user would: other numbers at the border,
the same shapes and multiply-accumulates, and the fastest that PyTorch has. Benches use that.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LEAKY_SLOPE = 0.2
NORM_EPSILON = 1e-5
RESIDUAL_GAIN = 0.3
# More channels of a condition than this are embedded in so many first.
EMBEDDED = 12


def padding_total(size: int, kernel: int, stride: int) -> int:
    """Pixels of padding with which `size` becomes ceil(size / stride)."""
    return max((-(-size // stride) - 1) * stride + kernel - size, 0)


class SameConv2d(nn.Conv2d):
    """A convolution whose output has the input's size over the stride, rounded up."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        stride: int = 1,
        bias: bool = True,
        exact: bool = False,
    ) -> None:
        super().__init__(inputs, outputs, kernel, stride, bias=bias)
        self.exact = exact

    def convolve(self, x: Tensor, weight: Tensor) -> Tensor:
        rows, columns = (
            padding_total(size, kernel, stride)
            for size, kernel, stride in zip(x.shape[2:], self.kernel_size, self.stride, strict=True)
        )
        if self.exact and (rows % 2 == 1 or columns % 2 == 1):
            left, top = columns // 2, rows // 2
            x = F.pad(x, (left, columns - left, top, rows - top))
            rows = columns = 0
        return F.conv2d(x, weight, self.bias, self.stride, ((rows + 1) // 2, (columns + 1) // 2))

    def forward(self, x: Tensor) -> Tensor:
        return self.convolve(x, self.weight)


def give_gain(conv: nn.Conv2d | nn.ConvTranspose2d, outputs: int, gain: float) -> None:
    """Makes the length of each output channel's weights a parameter, listed after the weight."""
    bias = conv._parameters.pop("bias")
    conv.gain = nn.Parameter(torch.full((outputs,), gain * math.sqrt(2)))
    conv._parameters["bias"] = bias


class NormalizedConv2d(SameConv2d):
    """Weight normalization (Salimans & Kingma 2016): direction times gain."""

    def __init__(self, inputs: int, outputs: int, kernel: int, *args, gain: float = 1, **options) -> None:
        super().__init__(inputs, outputs, kernel, *args, **options)
        give_gain(self, outputs, gain)

    def forward(self, x: Tensor) -> Tensor:
        length = self.weight.square().sum((1, 2, 3), keepdim=True)
        return self.convolve(x, self.weight * (self.gain.view(-1, 1, 1, 1) * length.rsqrt()))


class UpConv2d(nn.ConvTranspose2d):
    """Transposed convolution 3x3 that doubles height and width, its weights normalized or not."""

    def __init__(self, inputs: int, outputs: int, by_weights: bool, exact: bool) -> None:
        super().__init__(inputs, outputs, 3, 2, padding=1, output_padding=1, bias=by_weights)
        self.by_weights = by_weights
        self.exact = exact
        if by_weights:
            give_gain(self, outputs, 2)

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight
        if self.by_weights:
            length = weight.square().sum((0, 2, 3), keepdim=True)
            weight = weight * (self.gain.view(1, -1, 1, 1) * length.rsqrt())
        if self.exact:
            return F.conv_transpose2d(x, weight, self.bias, 2)[:, :, :-1, :-1]
        return F.conv_transpose2d(x, weight, self.bias, 2, 1, 1)


class Place(nn.Module):
    """Adds to each channel a share of the pixel's column and of its row, from -1 to 1."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(2, channels) * 0.3)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        columns = torch.linspace(-1, 1, width, dtype=x.dtype, device=x.device)
        rows = torch.linspace(-1, 1, height, dtype=x.dtype, device=x.device)
        x = x + self.weight[0].view(1, -1, 1, 1) * columns
        return x + self.weight[1].view(1, -1, 1, 1) * rows.view(-1, 1)


class Blur(nn.Module):
    """(1, 3, 3, 1)/8 both ways (Zhang 2019), for a kernel of stride 2 after it that pads nothing.

    The two pad as one larger kernel would: to ceil(size / 2).
    """

    TAPS = 4

    def __init__(self, channels: int, kernel: int, exact: bool) -> None:
        super().__init__()
        self.reach = kernel + self.TAPS - 1
        self.exact = exact
        taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
        weight = torch.outer(taps, taps).repeat(channels, 1, 1, 1)
        self.register_buffer("weight", weight, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        rows, columns = (padding_total(size, self.reach, 2) for size in x.shape[2:])
        sides = (0, 0)
        if self.exact:
            left, top = columns // 2, rows // 2
            x = F.pad(x, (left, columns - left, top, rows - top))
        else:
            sides = ((rows + 1) // 2, (columns + 1) // 2)
        return F.conv2d(x, self.weight, None, 1, sides, groups=x.shape[1])


class SpectralConv2d(SameConv2d):
    """Weight / sigma, with singular vectors that move by `power_step`, once a training step.

    Sigma is of the weight by itself, where its input is blurred too: a blur makes nothing larger.
    """

    def __init__(self, *args, anti_alias: bool = False, **options) -> None:
        super().__init__(*args, **options)
        self.blur = None
        if anti_alias:
            self.blur = Blur(self.in_channels, self.kernel_size[0], self.exact)
        self.register_buffer("u", torch.ones(self.weight.shape[0]))
        self.register_buffer("v", torch.ones(self.weight[0].numel()))

    @torch.no_grad()
    def power_step(self) -> None:
        matrix = self.weight.flatten(1)
        self.v.copy_(F.normalize(matrix.T @ self.u, dim=0, eps=1e-12))
        self.u.copy_(F.normalize(matrix @ self.v, dim=0, eps=1e-12))

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight / torch.dot(self.u, self.weight.flatten(1) @ self.v)
        if self.blur is not None:
            return F.conv2d(self.blur(x), weight, self.bias, self.stride)
        return self.convolve(x, weight)


class Normalized(nn.Module):
    """A convolution whose weights are normalized, or whose features will be."""

    def __init__(self, by_weights: bool, inputs: int, outputs: int, stride: int = 1, **how) -> None:
        super().__init__()
        exact = how.pop("exact", False)
        if by_weights:
            self.conv = NormalizedConv2d(inputs, outputs, 3, stride, exact=exact, **how)
        else:
            self.conv = SameConv2d(inputs, outputs, 3, stride, bias=False, exact=exact)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


def norm(by_weights: bool, channels: int) -> nn.Module:
    """What normalizes features, where weights are not."""
    if by_weights:
        return nn.Identity()
    return nn.InstanceNorm2d(channels, eps=NORM_EPSILON, affine=True)


class Modulation(nn.Module):
    """SPADE's (Park et al. 2019), one map of the encoded condition for all: x * (1 + gamma) + beta.

    1 + gamma is a convolution whose bias is 1 at first, its weights and all of beta's 0.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = SameConv2d(channels, channels, 1)
        self.shift = SameConv2d(channels, channels, 1)

    def forward(self, encoded: Tensor) -> tuple[Tensor, Tensor]:
        return self.scale(encoded), self.shift(encoded)


class ResidualBlock(nn.Module):
    def __init__(self, channels: int, by_weights: bool) -> None:
        super().__init__()
        self.conv1 = Normalized(by_weights, channels, channels)
        self.norm1 = norm(by_weights, channels)
        self.conv2 = Normalized(by_weights, channels, channels, gain=RESIDUAL_GAIN)
        self.norm2 = norm(by_weights, channels)

    def forward(self, x: Tensor, maps: tuple[Tensor, Tensor] | None = None) -> Tensor:
        features = self.norm1(self.conv1(x))
        if maps is not None:
            features = features * maps[0] + maps[1]
        return x + self.norm2(self.conv2(F.relu(features, inplace=True)))


class Encoder(nn.Module):
    """[N,inputs,H,W] -> [N,4*channels,H/4,W/4]; the first halving is of pixels into channels.

    Of many classes each frame is embedded first, all by the same numbers.
    """

    def __init__(
        self, inputs: int, channels: int, by_weights: bool, exact: bool, classes: int = 0
    ) -> None:
        super().__init__()
        self.embedding = None
        if classes > EMBEDDED:
            self.embedding = SameConv2d(classes, EMBEDDED, 1, bias=False)
            inputs = inputs // classes * EMBEDDED
        self.stem = Normalized(by_weights, 4 * inputs, 2 * channels)
        # Positions come with it: of classes both are, of others neither is.
        self.place = Place(2 * channels) if by_weights else nn.Identity()
        self.stem_norm = norm(by_weights, 2 * channels)
        self.down = Normalized(by_weights, 2 * channels, 4 * channels, 2, exact=exact)
        self.down_norm = norm(by_weights, 4 * channels)

    def forward(self, x: Tensor) -> Tensor:
        if self.embedding is not None:
            frames = x.unflatten(1, (-1, self.embedding.in_channels)).flatten(0, 1)
            x = self.embedding(frames).unflatten(0, (x.shape[0], -1)).flatten(1, 2)
        stem = self.stem_norm(self.place(self.stem(F.pixel_unshuffle(x, 2))))
        return F.relu(self.down_norm(self.down(F.relu(stem, inplace=True))), inplace=True)


class Decoder(nn.Module):
    """Back to half of the resolution."""

    def __init__(self, channels: int, by_weights: bool, exact: bool) -> None:
        super().__init__()
        wide = 2 * channels
        self.up = UpConv2d(4 * channels, wide, by_weights, exact)
        self.up_norm = norm(by_weights, wide)

    def forward(self, features: Tensor) -> Tensor:
        return F.relu(self.up_norm(self.up(features)), inplace=True)


def pixel_places(height: int, width: int, dtype: torch.dtype) -> Tensor:
    """[1,H,W,2]: x and y of each pixel."""
    y, x = torch.meshgrid(
        torch.arange(height, dtype=dtype), torch.arange(width, dtype=dtype), indexing="ij"
    )
    return torch.stack([x, y], -1)[None]


def warp(image: Tensor, flow: Tensor) -> Tensor:
    """out[y,x] = image[y + flow_y, x + flow_x], bilinear, clamped to the border; flow in pixels."""
    height, width = image.shape[2:]
    places = pixel_places(height, width, flow.dtype) + flow.permute(0, 2, 3, 1)
    last = torch.tensor([max(width - 1, 1), max(height - 1, 1)], dtype=flow.dtype)
    return F.grid_sample(image, places * (2 / last) - 1, "bilinear", "border", align_corners=True)


def ramp(x: Tensor, first: float, last: float) -> Tensor:
    return ((x - first) / (last - first)).clamp(0, 1)


@torch.no_grad()
def change(history: Tensor, condition: Tensor, channels: int) -> Tensor:
    """Where something has changed, [N,1,H,W] in [0, 1], as src/kernels/change says.

    history newest first, condition of frames of `channels`, oldest first.
    """
    # Blocks of two by two are averaged with their signs, which takes the grain out.
    moved = F.avg_pool2d(history[:, :3] - history[:, 3:6], 2).abs().mean(1, keepdim=True)
    asked = (condition[:, :-channels] - condition[:, channels:]).abs().amax(1, keepdim=True)
    seen = F.avg_pool2d(moved, 4, 2, 1, count_include_pad=False)
    wanted = F.avg_pool2d(asked, 8, 4, 2, count_include_pad=False)
    somewhere = torch.maximum(ramp(seen, 0.004, 0.01), ramp(wanted, 0.08, 0.2))
    everywhere = ramp(somewhere.mean((1, 2, 3), keepdim=True), 0.25, 0.45)
    changed = torch.maximum(somewhere, everywhere)
    size = history.shape[2:]
    return F.interpolate(changed, size, mode="bilinear", align_corners=False)


class Generator(nn.Module):
    """Condition window and history -> one frame. No noise: the presets have none."""

    def __init__(
        self,
        condition_channels: int = 1,
        condition_frames: int = 3,
        history_frames: int = 2,
        channels: int = 24,
        blocks: int = 3,
        branch_blocks: int = 1,
        flow_scale_pixels: float = 8.0,
        by_weights: bool | None = None,
        modulated: bool = False,
        exact: bool = False,
    ) -> None:
        super().__init__()
        by_weights = condition_channels > 3 if by_weights is None else by_weights
        self.condition_frames = condition_frames
        self.history_frames = history_frames
        self.flow_scale_pixels = flow_scale_pixels
        deep = 4 * channels
        self.condition = Encoder(
            condition_channels * condition_frames, channels, by_weights, exact, condition_channels
        )
        self.history = Encoder(3 * history_frames, channels, by_weights, exact)
        self.modulation = Modulation(deep) if modulated else None
        self.trunk = nn.ModuleList(ResidualBlock(deep, by_weights) for _ in range(blocks))
        self.image = nn.ModuleList(ResidualBlock(deep, by_weights) for _ in range(branch_blocks))
        self.decoder = Decoder(channels, by_weights, exact)
        # Image and mask at full resolution (four times four channels), and the flow at half of it.
        self.heads = SameConv2d(2 * channels, 18, 3)

    def forward(
        self, condition: Tensor, history: Tensor, has_history: bool = True
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """condition oldest first, history newest first -> frame, raw image, flow."""
        encoded = self.condition(condition)
        maps = None if self.modulation is None else self.modulation(encoded)
        features = self.history(history) + encoded
        for block in (*self.trunk, *self.image):
            features = block(features, maps)
        made = self.heads(self.decoder(features))
        picture = F.pixel_shuffle(made[:, :16], 2)
        raw = torch.tanh(picture[:, :3])
        if not has_history:
            return raw, raw, None
        mask = torch.sigmoid(picture[:, 3:])
        coarse = F.interpolate(made[:, 16:], scale_factor=2, mode="bilinear", align_corners=False)
        flow = coarse * self.flow_scale_pixels
        warped = warp(history[:, :3], flow)
        return warped + mask * (raw - warped), raw, flow


Judgement = tuple[list[Tensor], Tensor]  # features, shallow to deep, and logits


class PatchDiscriminator(nn.Module):
    def __init__(
        self, inputs: int, channels: int, layers: int, exact: bool, anti_alias: bool
    ) -> None:
        super().__init__()
        widths = [inputs] + [channels * 2**i for i in range(layers)]
        strided = [
            SpectralConv2d(widths[i], widths[i + 1], 4, 2, exact=exact, anti_alias=anti_alias)
            for i in range(layers)
        ]
        self.stages = nn.ModuleList([*strided, SpectralConv2d(widths[-1], widths[-1], 3)])
        self.logits = SpectralConv2d(widths[-1], 1, 1)

    def forward(self, x: Tensor) -> Judgement:
        features = []
        for stage in self.stages:
            x = F.leaky_relu(stage(x), LEAKY_SLOPE)
            features.append(x)
        return features, self.logits(x)


class MultiScaleDiscriminator(nn.Module):
    def __init__(
        self,
        inputs: int,
        channels: int = 24,
        layers: int = 3,
        scales: int = 2,
        exact: bool = False,
        anti_alias: bool = False,
    ) -> None:
        super().__init__()
        self.exact = exact
        self.scales = nn.ModuleList(
            PatchDiscriminator(inputs, channels, layers, exact, anti_alias) for _ in range(scales)
        )
        self.blur = Blur(inputs, 1, exact) if anti_alias else None

    def halve(self, x: Tensor) -> Tensor:
        """Mean of 3x3 pixels, two apart; what is padding does not count. Or blurred, every other pixel."""
        if self.blur is not None:
            return self.blur(x)[:, :, ::2, ::2]
        padding = tuple(size % 2 for size in x.shape[2:]) if self.exact else 1
        return F.avg_pool2d(x, 3, 2, padding, ceil_mode=self.exact, count_include_pad=False)

    def forward(self, x: Tensor) -> list[Judgement]:
        judgements = []
        for index, network in enumerate(self.scales):
            if index > 0:
                x = self.halve(x)
            judgements.append(network(x))
        return judgements


class Discriminators(nn.Module):
    """The frame discriminator and one sequence discriminator for each temporal stride."""

    def __init__(
        self,
        condition_channels: int = 1,
        sequence_frames: int = 3,
        temporal_strides: tuple[int, ...] = (1,),
        **options,
    ) -> None:
        super().__init__()
        self.sequence_frames = sequence_frames
        self.temporal_strides = temporal_strides
        self.frame = MultiScaleDiscriminator(condition_channels + 3, **options)
        self.sequence = nn.ModuleDict(
            {
                f"stride{stride}": MultiScaleDiscriminator(3 * sequence_frames, **options)
                for stride in temporal_strides
            }
        )

    def power_step(self) -> None:
        for module in self.modules():
            if isinstance(module, SpectralConv2d):
                module.power_step()


def initialize(network: nn.Module, seed: int) -> None:
    """He et al. 2015, and power iterations until sigma is right."""
    source = torch.Generator().manual_seed(seed)
    for name, module in network.named_modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            reach = 9 / 4 if isinstance(module, nn.ConvTranspose2d) else module.weight[0, 0].numel()
            known = {
                **{"heads": 0.02, "condition.embedding": 1},
                **{"modulation.scale": 0, "modulation.shift": 0},
            }
            deviation = known.get(name, (2 / (reach * module.in_channels)) ** 0.5)
            with torch.no_grad():
                module.weight.normal_(0, deviation, generator=source)
                if module.bias is not None:
                    module.bias.fill_(name == "modulation.scale")
        if isinstance(module, SpectralConv2d):
            for _ in range(20):
                module.power_step()


def count_macs(network: nn.Module, *inputs) -> int:
    """Multiply-accumulates of one forward pass, counted at each layer with weights as it runs."""
    total = 0

    def count(module: nn.Module, arguments: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        # A transposed convolution multiplies each input pixel, any other makes each output pixel.
        walked = arguments[0] if isinstance(module, nn.ConvTranspose2d) else output
        total += walked.shape[0] * walked.shape[2] * walked.shape[3] * module.weight.numel()

    hooks = [
        module.register_forward_hook(count)
        for module in network.modules()
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, Place, Blur))
    ]
    with torch.no_grad():
        network(*inputs)
    for hook in hooks:
        hook.remove()
    return total
