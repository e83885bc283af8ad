"""The losses of Frameloom's design, each one function over plain tensors."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

ScaleFeatures = list[list[Tensor]]  # [scale][layer], the logits last


def lsgan_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """Mao et al. 2017, with 1 for real and 0 for fake."""
    return 0.5 * ((real - 1).square().mean() + fake.square().mean())


def lsgan_generator(fake: Tensor) -> Tensor:
    return (fake - 1).square().mean()


def hinge_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """Lim & Ye 2017."""
    return 0.5 * (F.relu(1 - real).mean() + F.relu(1 + fake).mean())


def hinge_generator(fake: Tensor) -> Tensor:
    return -fake.mean()


def non_saturating_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """Goodfellow et al. 2014, on logits."""
    return 0.5 * (F.softplus(-real).mean() + F.softplus(fake).mean())


def non_saturating_generator(fake: Tensor) -> Tensor:
    return F.softplus(-fake).mean()


def relativistic_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """R3GAN (Huang et al. 2024): each generated patch against the real one of its place."""
    return F.softplus(fake - real).mean()


def relativistic_generator(real: Tensor, fake: Tensor) -> Tensor:
    return F.softplus(real - fake).mean()


def lecam(real: Tensor, fake: Tensor, anchor_real: float, anchor_fake: float) -> Tensor:
    """Tseng et al. 2021; the anchors are running means of the scores."""
    return F.relu(real - anchor_fake).square().mean() + F.relu(anchor_real - fake).square().mean()


def over_scales(terms: list[Tensor]) -> Tensor:
    return torch.stack(terms).mean()


def feature_matching(real: ScaleFeatures, fake: ScaleFeatures) -> Tensor:
    """Mean over scales and layers (logits left out) of the features' mean absolute difference."""
    return over_scales(
        [
            F.l1_loss(fake_layer, real_layer.detach())
            for real_scale, fake_scale in zip(real, fake, strict=True)
            for real_layer, fake_layer in zip(real_scale[:-1], fake_scale[:-1], strict=True)
        ]
    )


def flow_smoothness(flow: Tensor) -> Tensor:
    """Total variation of flow [N,2,H,W]: mean |dx| + mean |dy|."""
    return (flow[..., :, 1:] - flow[..., :, :-1]).abs().mean() + (
        flow[..., 1:, :] - flow[..., :-1, :]
    ).abs().mean()


def _blurred(x: Tensor) -> Tensor:
    """5x5 binomial, over the pixels that there are."""
    taps = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0], dtype=x.dtype)
    kernel = torch.outer(taps, taps)[None, None]
    one_by_one = x.flatten(0, 1)[:, None]
    inside = F.conv2d(torch.ones_like(one_by_one), kernel, padding=2)
    return (F.conv2d(one_by_one, kernel, padding=2) / inside).reshape(x.shape)


def laplacian_pyramid(x: Tensor) -> list[Tensor]:
    """Bands from the finest on while a side holds the blur's window, and the rest."""
    bands = []
    while min(x.shape[-2:]) >= 5:
        low = _blurred(x)
        bands.append(x - low)
        x = F.avg_pool2d(low, 2, ceil_mode=True, count_include_pad=False)
    return [*bands, x]


def laplacian(made: Tensor, real: Tensor) -> Tensor:
    """L1 between pyramids (Bojanowski et al. 2018): GLO's 2^(2j) on sums is 1 on means."""
    pairs = zip(laplacian_pyramid(made), laplacian_pyramid(real), strict=True)
    return torch.stack([F.l1_loss(a, b) for a, b in pairs]).sum()


def focal_frequency(made: Tensor, real: Tensor, patches: int) -> Tensor:
    """Jiang et al. 2021, alpha 1: both spectra whole, by patches of 1/patches of the sides."""

    def spectra(x: Tensor) -> Tensor:
        strips = torch.stack(x.chunk(patches, dim=2), 1)
        return torch.fft.fft2(torch.stack(strips.chunk(patches, dim=4), 1), norm="ortho")

    apart = spectra(made) - spectra(real)
    squared = apart.real.square() + apart.imag.square()
    weight = squared.detach().sqrt()
    weight = torch.nan_to_num(weight / weight.amax(dim=(-2, -1), keepdim=True))
    return (weight.clamp(0, 1) * squared).mean()


def taught_flow(flow: Tensor, teacher: Tensor, seen: Tensor) -> Tensor:
    """vid2vid's masked L1 (Wang et al. 2018): mean over all pixels, unseen ones 0."""
    return F.l1_loss(flow * seen, teacher * seen)


def slope_penalty(logits: list[Tensor], images: Tensor) -> Tensor:
    """R1 and R2 (Mescheder et al. 2018), per patch: half the squared norm of d(sum of logits)/d(image), by the
    number of patches that a judge makes of one image at all scales, mean over N.

    `images` must require a gradient and `logits` (one tensor a scale) come from it. Weigh by gamma.
    """
    patches = sum(own[0].numel() for own in logits)
    total = sum(own.sum() for own in logits)
    (gradient,) = torch.autograd.grad(total, images, create_graph=True)
    return 0.5 * gradient.square().sum(dim=(1, 2, 3)).mean() / patches


def approximate_penalty(logits: list[Tensor], moved: list[Tensor], sigma: float) -> Tensor:
    """APT (Lin et al. 2025): squared change of each patch's score under noise of deviation sigma, by
    2 sigma^2, mean over patches of all scales and N. Weigh by gamma.

    One tensor a scale, `moved` for the same input with the noise on it.
    """
    changes = torch.cat([(b - a).flatten() for a, b in zip(logits, moved, strict=True)])
    return changes.square().mean() / (2 * sigma**2)
