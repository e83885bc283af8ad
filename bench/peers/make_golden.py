"""Writes test/golden/*.json: what PyTorch, scikit-image and OpenCV give for small inputs.

    python bench/peers/make_golden.py

Everything is computed in float64 unless the case says otherwise. See test/golden/README.md for the
fields.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import Tensor

import losses
from golden_file import FOLDER, SEED, hwio, nhwc, tensor, write
from golden_step import make_steps
from mirror_networks import (
    LEAKY_SLOPE,
    NORM_EPSILON,
    SameConv2d,
    change,
    padding_total,
    warp,
)

torch.set_default_dtype(torch.float64)


def sharpness(frames: np.ndarray) -> float:
    """Mean over both directions of the mean absolute difference of neighbouring pixels."""
    return float(
        (np.abs(np.diff(frames, axis=2)).mean() + np.abs(np.diff(frames, axis=1)).mean()) / 2
    )


def source(name: str) -> torch.Generator:
    """Each file draws from its own stream, so that remaking one leaves the others alone."""
    return torch.Generator().manual_seed(SEED + sum(name.encode()))


def leaf(value: Tensor) -> Tensor:
    return value.clone().requires_grad_()


def make_warp() -> None:
    random = source("warp")
    cases = []
    for name, batch, size, reach in [
        ("inside", 1, (6, 7), 0.8),
        ("beyond the border", 1, (6, 7), 6.0),
        ("batch of two", 2, (5, 4), 1.5),
        ("one row", 1, (1, 5), 1.5),
    ]:
        image = leaf(torch.rand(batch, 3, *size, generator=random) * 2 - 1)
        flow = leaf((torch.rand(batch, 2, *size, generator=random) * 2 - 1) * reach)
        output = warp(image, flow)
        cotangent = torch.randn(output.shape, generator=random)
        output.backward(cotangent)
        cases.append(
            {
                "name": name,
                "image": nhwc(image),
                "flow": nhwc(flow),
                "output": nhwc(output),
                "outputGradient": nhwc(cotangent),
                "imageGradient": nhwc(image.grad),
                "flowGradient": nhwc(flow.grad),
            }
        )
    about = (
        "output[n,y,x] = image[n, y + flow[n,y,x,1], x + flow[n,y,x,0]], bilinear, coordinates "
        "clamped to the image (and no gradient in a clamped coordinate): grid_sample, border, "
        "align_corners=True."
    )
    write("warp", about, ["torch"], cases)


def make_change() -> None:
    random = source("change")
    cases = []
    # By how much the first columns move, of the history and of the condition.
    for name, columns, channels, past, wanted in [
        ("still", 0, 1, 0, 0),
        ("some columns move", 4, 1, 1, 1),
        ("most of it moves", 30, 1, 1, 1),
        ("the past moves a little", 4, 1, 0.012, 0),
        ("the condition of three channels moves a little", 8, 3, 0, 0.06),
        ("all moves a little", 16, 1, 0.012, 0.06),
    ]:
        height, width, frames = 8, 44, 3

        def seen(count: int, of: int, amount: float) -> Tensor:
            first = torch.rand((1, 1, of, height, width), generator=random) * 1.6 - 0.8
            x = first.repeat(1, count, 1, 1, 1)
            noise = torch.randn((1, count, of, height, columns), generator=random)
            x[..., :columns] += amount * noise
            return x.clamp(-1, 1).flatten(1, 2)

        history, condition = seen(2, 3, past), seen(frames, channels, wanted)
        cases.append(
            {
                "name": name,
                "channels": channels,
                "history": nhwc(history),
                "condition": nhwc(condition),
                "output": nhwc(change(history, condition, channels)),
            }
        )
    about = (
        "Where something has changed: history [N,H,W,6] newest first and condition [N,H,W,3C] oldest "
        "first, in [-1, 1], to [N,H,W,1] in [0, 1], by `change` of bench/peers/mirror_networks.py."
    )
    write("change", about, ["torch"], cases)


def make_blur() -> None:
    random = source("blur")
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
    cases = []
    for name, batch, size, channels in [
        ("even sides, a batch of two", 2, (6, 8), 3),
        ("odd sides", 1, (5, 7), 2),
        ("one pixel", 1, (1, 1), 2),
    ]:
        x = leaf(torch.randn(batch, channels, *size, generator=random))
        weight = leaf(torch.randn(4, channels, 4, 4, generator=random))
        # Filter and kernel as one kernel of seven pixels, which pads as TensorFlow's SAME.
        one = F.conv2d(weight.flatten(0, 1)[:, None], torch.outer(taps, taps)[None, None], padding=3)
        rows, columns = (padding_total(side, 7, 2) for side in size)
        left, top = columns // 2, rows // 2
        padded = F.pad(x, (left, columns - left, top, rows - top))
        output = F.conv2d(padded, one.unflatten(0, (4, channels)).squeeze(2), stride=2)
        cotangent = torch.randn(output.shape, generator=random)
        output.backward(cotangent)
        cases.append(
            {
                "name": name,
                "x": nhwc(x),
                "weight": hwio(weight),
                "output": nhwc(output),
                "outputGradient": nhwc(cotangent),
                "xGradient": nhwc(x.grad),
                "weightGradient": hwio(weight.grad),
            }
        )
    about = (
        "A convolution 4x4 of stride 2 whose input is blurred by (1, 3, 3, 1)/8 both ways: computed as "
        "one of 7x7, the weight convolved with that filter, padded to ceil(size / 2)."
    )
    write("blur", about, ["torch"], cases)


def make_instance_norm() -> None:
    random = source("instance-norm")
    cases = []
    for name, shape in [("batch of one", (1, 3, 6, 7)), ("batch of two", (2, 4, 5, 3))]:
        x = leaf(torch.randn(shape, generator=random) * 2 + 0.5)
        gamma = leaf(torch.rand(shape[1], generator=random) + 0.5)
        beta = leaf(torch.randn(shape[1], generator=random))
        output = F.instance_norm(x, weight=gamma, bias=beta, eps=NORM_EPSILON)
        cotangent = torch.randn(shape, generator=random)
        output.backward(cotangent)
        cases.append(
            {
                "name": name,
                "epsilon": NORM_EPSILON,
                "x": nhwc(x),
                "gamma": tensor(gamma),
                "beta": tensor(beta),
                "output": nhwc(output),
                "outputGradient": nhwc(cotangent),
                "xGradient": nhwc(x.grad),
                "gammaGradient": tensor(gamma.grad),
                "betaGradient": tensor(beta.grad),
            }
        )
    write("instance-norm", "Instance norm with scale and shift, biased variance.", ["torch"], cases)


def make_acting() -> None:
    random = source("acting")
    cases = []
    for name, batch in [("one window", 1), ("three windows", 3)]:
        actions = leaf(torch.randn((batch, 8, 1, 1), generator=random))
        first = torch.nn.Conv2d(8, 32, 1)
        second = torch.nn.Conv2d(32, 32, 1)
        acting = torch.nn.Conv2d(32, 2 * 5, 1)
        for number, layer in enumerate([first, second, acting]):
            outputs, inputs, rows, columns = layer.weight.shape
            at = torch.arange(layer.weight.numel()).view(rows, columns, inputs, outputs)
            layer.weight.data = (torch.sin(0.37 * at + number) * (2 / inputs) ** 0.5).permute(3, 2, 0, 1)
            layer.bias.data = torch.cos(torch.arange(outputs) + number) * 0.1
        told = F.relu(second(F.relu(first(actions))))
        features = leaf(torch.randn((batch, 5, 3, 4), generator=random))
        scale, shift = acting(told).split(5, 1)
        output = features * (1 + scale) + shift
        cotangent = torch.randn(output.shape, generator=random)
        output.backward(cotangent)
        cases.append(
            {
                "name": name,
                "actions": nhwc(actions),
                "features": nhwc(features),
                "told": nhwc(told),
                "output": nhwc(output),
                "outputGradient": nhwc(cotangent),
                "actionsGradient": nhwc(actions.grad),
                "featuresGradient": nhwc(features.grad),
                "firstGradient": hwio(first.weight.grad),
            }
        )
    about = (
        "What was done: two layers of 32 with rectifiers over 2 frames of 3 columns and a flag, and "
        "features * (1 + scale) + shift, both by a layer of theirs. Weights of layer k, [1,1,I,O] row by row, are "
        "sin(0.37 i + k) sqrt(2 / I), biases cos(i + k) / 10."
    )
    write("acting", about, ["torch"], cases)


def make_told_judge() -> None:
    random = source("told-judge")
    cases = []
    for name, batch in [("one run", 1), ("two runs", 2)]:
        x = leaf(torch.randn((batch, 6, 8, 12), generator=random))
        actions = torch.randn((batch, 4, 1, 1), generator=random)
        others = torch.randn((batch, 4, 1, 1), generator=random)
        layers = [
            SameConv2d(6, 3, 4, 2, exact=True),
            SameConv2d(3, 3, 3, 1, exact=True),
            torch.nn.Conv2d(3, 1, 1),
            torch.nn.Conv2d(4, 32, 1),
            torch.nn.Conv2d(32, 3, 1),
        ]
        for number, layer in enumerate(layers):
            outputs, inputs, rows, columns = layer.weight.shape
            at = torch.arange(layer.weight.numel()).view(rows, columns, inputs, outputs)
            deviation = (2 / layer.weight[0].numel()) ** 0.5
            layer.weight.data = (torch.sin(0.37 * at + number) * deviation).permute(3, 2, 0, 1)
            layer.bias.data = torch.cos(torch.arange(outputs) + number) * 0.1
        first, second, alone, told, direction = layers
        features = F.leaky_relu(second(F.leaky_relu(first(x), LEAKY_SLOPE)), LEAKY_SLOPE)

        def beside(what: Tensor) -> Tensor:
            along = direction(F.leaky_relu(told(what), LEAKY_SLOPE))
            return alone(features) + (features * along).sum(1, keepdim=True)

        logits, other = beside(actions), beside(others)
        cotangent = torch.randn(logits.shape, generator=random)
        ((logits - 0.5 * other) * cotangent).sum().backward()
        cases.append(
            {
                "name": name,
                "x": nhwc(x),
                "actions": nhwc(actions),
                "others": nhwc(others),
                "logits": nhwc(logits),
                "otherLogits": nhwc(other),
                "cotangent": nhwc(cotangent),
                "xGradient": nhwc(x.grad),
                "toldGradient": hwio(told.weight.grad),
            }
        )
    about = (
        "A patch discriminator that is told what was done (Miyato & Koyama 2018): logits + features . direction, by "
        "two layers; cotangent is of logits - otherLogits / 2. Weights of layer k (4x4 of stride 2, 3x3, logits, the two "
        "that are told), [K,K,I,O] row by row, are sin(0.37 i + k) sqrt(2 / KKI), biases cos(i + k) / 10."
    )
    write("told-judge", about, ["torch"], cases)


def make_style() -> None:
    random = source("style")
    cases = []
    for name, batch, size, channels in [
        ("one picture", 1, (8, 12), 4),
        ("two of odd sizes", 2, (9, 7), 1),
    ]:
        looks = leaf(torch.rand((batch, 3, *size), generator=random) * 2 - 1)
        widths = [3, 16, 32, 32]
        layers = [
            SameConv2d(inputs, outputs, 3, 2, exact=True)
            for inputs, outputs in zip(widths, widths[1:], strict=False)
        ]
        code = torch.nn.Conv2d(32, channels, 1)
        styling = torch.nn.Conv2d(channels, 2 * 5, 1)
        names = ["half", "quarter", "eighth", "code", "styling"]
        for number, layer in enumerate([*layers, code, styling]):
            outputs, inputs, rows, columns = layer.weight.shape
            at = torch.arange(layer.weight.numel()).view(rows, columns, inputs, outputs)
            deviation = (2 / layer.weight[0].numel()) ** 0.5
            layer.weight.data = (torch.sin(0.37 * at + number) * deviation).permute(3, 2, 0, 1)
            layer.bias.data = torch.cos(torch.arange(outputs) + number) * 0.1
        x = looks
        for layer in layers:
            x = F.relu(layer(x))
        style = torch.tanh(code(x.mean((2, 3), keepdim=True)))
        features = leaf(torch.randn((batch, 5, 3, 4), generator=random))
        scale, shift = styling(style).split(5, 1)
        output = features * (1 + scale) + shift
        cotangent = torch.randn(output.shape, generator=random)
        output.backward(cotangent)
        cases.append(
            {
                "name": name,
                "looks": nhwc(looks),
                "features": nhwc(features),
                "style": nhwc(style),
                "output": nhwc(output),
                "outputGradient": nhwc(cotangent),
                "looksGradient": nhwc(looks.grad),
                "featuresGradient": nhwc(features.grad),
                "weightGradients": {
                    key: hwio(layer.weight.grad)
                    for key, layer in zip(names, [*layers, code, styling], strict=True)
                    if layer.weight.numel() < 1000
                },
            }
        )
    about = (
        "A picture's look: three 3x3 convolutions of stride 2 (SAME as TensorFlow pads) with rectifiers, "
        "the mean over all places, a 1x1 convolution, tanh; and features * (1 + scale) + shift, both by a "
        "1x1 convolution of the look. Weights of layer k, [K,K,I,O] row by row, are sin(0.37 i + k) sqrt(2 / KKI), "
        "biases cos(i + k) / 10. Only the smaller ones' gradients are here."
    )
    write("style", about, ["torch"], cases)


def make_spectral_norm() -> None:
    random = source("spectral-norm")
    cases = []
    for name, (outputs, inputs, kernel) in [("4x4", (5, 3, 4)), ("3x3", (2, 6, 3))]:
        weight = torch.randn(outputs, inputs, kernel, kernel, generator=random)
        # The older of PyTorch's two: it goes from u to v to u, as algorithm 1 of the paper does.
        module = torch.nn.utils.spectral_norm(torch.nn.Conv2d(inputs, outputs, kernel, bias=False))
        before_u = torch.nn.functional.normalize(torch.randn(outputs, generator=random), dim=0)
        with torch.no_grad():
            module.weight_orig.copy_(weight)
            module.weight_u.copy_(before_u)
        module(torch.zeros(1, inputs, kernel, kernel))  # takes one power iteration
        normalized = module.weight
        cotangent = torch.randn(weight.shape, generator=random)
        normalized.backward(cotangent)
        original = module.weight_orig
        after_u, after_v = module.weight_u, module.weight_v
        sigma = torch.dot(after_u, original.flatten(1) @ after_v)
        singular = torch.linalg.svdvals(original.detach().flatten(1))
        stable_rank = singular.square().sum() / singular.max().square()
        cases.append(
            {
                "name": name,
                "weight": hwio(weight),
                "uBefore": tensor(before_u),
                "u": tensor(after_u),
                "v": tensor(after_v.reshape(inputs, kernel, kernel).permute(1, 2, 0)),
                "sigma": sigma.item(),
                "stableRank": stable_rank.item(),
                "normalizedWeight": hwio(normalized),
                "normalizedWeightGradient": hwio(cotangent),
                "weightGradient": hwio(original.grad),
            }
        )
    about = (
        "One power iteration from uBefore [O]: v = normalize(W'u), u = normalize(Wv), sigma = u.Wv "
        "with W [O, I*K*K]; v is stored as [K,K,I], the order of an HWIO weight. u and v are "
        "constants in weightGradient. torch.nn.utils.spectral_norm. stableRank is of the singular "
        "values: the sum of their squares over the square of the largest."
    )
    write("spectral-norm", about, ["torch"], cases)


def make_losses() -> None:
    random = source("losses")
    shape = (2, 1, 3, 4)

    def alone(generator):
        return lambda real, fake: generator(fake)

    kinds = {
        "lsgan": (losses.lsgan_discriminator, alone(losses.lsgan_generator)),
        "hinge": (losses.hinge_discriminator, alone(losses.hinge_generator)),
        "non-saturating": (
            losses.non_saturating_discriminator,
            alone(losses.non_saturating_generator),
        ),
        "relativistic": (losses.relativistic_discriminator, losses.relativistic_generator),
    }
    cases = []
    for name, (discriminator, generator) in kinds.items():
        real = leaf(torch.randn(shape, generator=random) * 1.5)
        fake = leaf(torch.randn(shape, generator=random) * 1.5)
        judged = discriminator(real, fake)
        real_gradient, fake_gradient = torch.autograd.grad(judged, [real, fake])
        fooled = generator(real, fake)
        (generator_gradient,) = torch.autograd.grad(fooled, fake)
        cases.append(
            {
                "name": name,
                "realLogits": nhwc(real),
                "fakeLogits": nhwc(fake),
                "discriminatorLoss": judged.item(),
                "realLogitsGradient": nhwc(real_gradient),
                "fakeLogitsGradient": nhwc(fake_gradient),
                "generatorLoss": fooled.item(),
                "generatorGradient": nhwc(generator_gradient),
            }
        )
    about = (
        "Adversarial losses, means over all logits. Discriminator losses are halved: "
        "(real term + fake term) / 2, but for the relativistic one, which has one term of pairs. "
        "generatorGradient is with respect to fakeLogits."
    )
    write("adversarial-losses", about, ["torch"], cases)


def make_feature_matching() -> None:
    random = source("feature-matching")
    shapes = [[(1, 3, 4, 5), (1, 6, 2, 3), (1, 1, 2, 3)], [(1, 3, 2, 3), (1, 6, 1, 2), (1, 1, 1, 2)]]
    real = [[torch.randn(s, generator=random) for s in scale] for scale in shapes]
    fake = [[leaf(torch.randn(s, generator=random)) for s in scale] for scale in shapes]
    loss = losses.feature_matching(real, fake)
    loss.backward()
    zero = torch.zeros_like
    case = {
        "name": "two scales of two layers and logits",
        "realFeatures": [[nhwc(layer) for layer in scale] for scale in real],
        "fakeFeatures": [[nhwc(layer) for layer in scale] for scale in fake],
        "loss": loss.item(),
        "fakeFeaturesGradient": [
            [nhwc(zero(layer) if layer.grad is None else layer.grad) for layer in scale]
            for scale in fake
        ],
    }
    about = (
        "Features by scale, then by layer; the last of each scale are the logits, which are not "
        "compared. Loss = mean over scales and layers of the mean absolute difference."
    )
    write("feature-matching", about, ["torch"], [case])


def make_flow_smoothness() -> None:
    random = source("flow-smoothness")
    flow = leaf(torch.randn((2, 2, 4, 5), generator=random))
    loss = losses.flow_smoothness(flow)
    loss.backward()
    case = {
        "name": "batch of two",
        "flow": nhwc(flow),
        "loss": loss.item(),
        "flowGradient": nhwc(flow.grad),
    }
    about = "Mean |difference of horizontal neighbours| + mean |difference of vertical ones|."
    write("flow-smoothness", about, ["torch"], [case])


def make_detail() -> None:
    random = source("detail")
    cases = []
    for name, loss, shape, patches in [
        ("laplacian, even sides", losses.laplacian, (2, 3, 16, 12), None),
        ("laplacian, odd sides", losses.laplacian, (1, 3, 9, 13), None),
        ("laplacian, too small for a band", losses.laplacian, (1, 3, 4, 7), None),
        ("focal frequency, whole frames", losses.focal_frequency, (2, 3, 6, 8), 1),
        ("focal frequency, odd sides", losses.focal_frequency, (1, 3, 7, 5), 1),
        ("focal frequency, patches", losses.focal_frequency, (2, 3, 8, 12), 2),
    ]:
        real = torch.rand(shape, generator=random) * 2 - 1
        made = leaf(real + torch.randn(shape, generator=random) * 0.3)
        value = loss(made, real) if patches is None else loss(made, real, patches)
        value.backward()
        cases.append(
            {
                "name": name,
                "patches": patches,
                "made": nhwc(made),
                "real": nhwc(real),
                "loss": value.item(),
                "madeGradient": nhwc(made.grad),
            }
        )
    about = (
        "laplacian: sum over bands of mean |band of made - band of real|, band = x - blur(x) (5x5 "
        "binomial over the pixels inside), then means of 2x2 of the blur while the shorter side "
        "is 5 or more; and the rest. focal frequency: mean of |F(made) - F(real)|^2 times "
        "|F(made) - F(real)| over its largest of the picture, which is a constant; unitary DFT of "
        "each channel of each of patches x patches parts."
    )
    write("detail", about, ["torch"], cases)


def make_flow_teacher() -> None:
    random = source("flow-teacher")
    shape = (2, 2, 4, 5)
    flow = leaf(torch.randn(shape, generator=random) * 2)
    seen = (torch.rand((2, 1, 4, 5), generator=random) < 0.7).to(flow.dtype)
    teacher = torch.randn(shape, generator=random) * 2 * seen
    loss = losses.taught_flow(flow, teacher, seen)
    loss.backward()
    case = {
        "name": "some pixels hidden",
        "flow": nhwc(flow),
        "motion": nhwc(torch.cat([teacher, seen], 1)),
        "loss": loss.item(),
        "flowGradient": nhwc(flow.grad),
    }
    about = "Mean over all pixels of |flow - teacher| where the third channel of motion is 1, else 0."
    write("flow-teacher", about, ["torch"], [case])


def make_lecam() -> None:
    random = source("lecam")
    shape = (2, 1, 3, 4)
    real = leaf(torch.randn(shape, generator=random) + 0.5)
    fake = leaf(torch.randn(shape, generator=random) - 0.5)
    anchors = {"real": 0.75, "fake": -0.25}
    penalty = losses.lecam(real, fake, anchors["real"], anchors["fake"])
    real_gradient, fake_gradient = torch.autograd.grad(penalty, [real, fake])
    case = {
        "name": "scores on both sides of the anchors",
        "realLogits": nhwc(real),
        "fakeLogits": nhwc(fake),
        "anchors": anchors,
        "penalty": penalty.item(),
        "realLogitsGradient": nhwc(real_gradient),
        "fakeLogitsGradient": nhwc(fake_gradient),
    }
    about = "LeCam: E max(0, real - anchor of fake)^2 + E max(0, anchor of real - fake)^2."
    write("lecam", about, ["torch"], [case])


def make_slope() -> None:
    random = source("r1")
    widths = [5, 4, 6]
    parameters: list[Tensor] = []
    for inputs, outputs, kernel in [(5, 4, 4), (4, 6, 4), (6, 1, 4)]:
        scale = (inputs * kernel * kernel) ** -0.5
        weight = torch.randn(outputs, inputs, kernel, kernel, generator=random) * scale
        parameters += [leaf(weight), leaf(torch.randn(outputs, generator=random) * 0.1)]
    images = leaf(torch.rand((2, widths[0], 12, 16), generator=random) * 2 - 1)

    def judge(x: Tensor) -> Tensor:
        for index in range(2):
            x = F.conv2d(x, *parameters[2 * index : 2 * index + 2], stride=2, padding=1)
            x = F.leaky_relu(x, LEAKY_SLOPE)
        return F.conv2d(x, *parameters[4:6], padding=1)

    def with_gradients(penalty: Tensor) -> dict:
        # The last bias moves no slope: its gradient is zero.
        gradients = torch.autograd.grad(
            penalty, parameters, retain_graph=True, allow_unused=True, materialize_grads=True
        )
        return {
            "penalty": penalty.item(),
            "weightGradients": [hwio(g) for g in gradients[0::2]],
            "biasGradients": [tensor(g) for g in gradients[1::2]],
        }

    logits = judge(images)
    exact = losses.slope_penalty([logits], images)
    (image_gradient,) = torch.autograd.grad(logits.sum(), images, retain_graph=True)
    noise = torch.randn(images.shape, generator=random)
    sigma = 0.05
    moved = judge(images + sigma * noise)
    case = {
        "name": "two strided layers and logits",
        "padding": 1,
        "strides": [2, 2, 1],
        "leakySlope": LEAKY_SLOPE,
        "images": nhwc(images),
        "weights": [hwio(w) for w in parameters[0::2]],
        "biases": [tensor(b) for b in parameters[1::2]],
        "logits": nhwc(logits),
        "imageGradient": nhwc(image_gradient),
        **with_gradients(exact),
        "approximate": {
            "sigma": sigma,
            "noise": nhwc(noise),
            **with_gradients(losses.approximate_penalty([logits], [moved], sigma)),
        },
    }
    about = (
        "R1 and R2: penalty = mean over samples of ½·|d(sum of logits)/d(images)|² / patches of a sample, "
        "to be weighed by gamma; its gradients with respect to the discriminator. approximate: mean over "
        "patches and samples of (D(images + sigma·noise) - D(images))² / (2·sigma²). Convolutions 4×4 padded "
        "by 1 on each side, leaky 0.2 after all but the last."
    )
    write("slope", about, ["torch"], [case])


def make_adam() -> None:
    random = source("adam")
    start = torch.randn(2, 3, generator=random)
    options = {"lr": 4e-4, "betas": (0.5, 0.999), "eps": 1e-8}
    parameter = leaf(start)
    adam = torch.optim.Adam([parameter], **options)
    steps = []
    for scale in (1.0, 1e-3, 0.0):
        parameter.grad = torch.randn(2, 3, generator=random) * scale
        adam.step()
        state = adam.state[parameter]
        steps.append(
            {
                "gradient": tensor(parameter.grad),
                "parameter": tensor(parameter),
                "mean": tensor(state["exp_avg"]),
                "square": tensor(state["exp_avg_sq"]),
            }
        )
    case = {
        "name": "three steps",
        "learningRate": 4e-4,
        "beta1": 0.5,
        "beta2": 0.999,
        "epsilon": 1e-8,
        "parameter": tensor(start),
        "steps": steps,
    }
    about = "Adam, no weight decay; each step's parameter, mean and square are those after it."
    write("adam", about, ["torch"], [case])


def make_ema() -> None:
    random = source("ema")
    half_life = 3.0
    decay = 0.5 ** (1 / half_life)
    start = torch.randn(2, 3, generator=random)
    module = torch.nn.Linear(3, 2, bias=False)
    with torch.no_grad():
        module.weight.copy_(start)
    averaged = torch.optim.swa_utils.AveragedModel(
        module, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(decay)
    )
    averaged.update_parameters(module)  # the first call copies
    steps = []
    for _ in range(3):
        with torch.no_grad():
            module.weight.copy_(torch.randn(2, 3, generator=random))
        averaged.update_parameters(module)
        steps.append(
            {"parameter": tensor(module.weight), "average": tensor(averaged.module.weight)}
        )
    case = {
        "name": "three steps",
        "halfLifeSteps": half_life,
        "decay": decay,
        "average": tensor(start),
        "steps": steps,
    }
    about = "average = decay·average + (1 − decay)·parameter, decay = 0.5^(1 / half-life)."
    write("ema", about, ["torch"], [case])


def make_measures() -> None:
    random = source("measures")
    cases = []
    for name, size, noise in [("near", (12, 15), 0.1), ("far", (9, 8), 1.5), ("grey", (7, 11), 0.3)]:
        channels = 1 if name == "grey" else 3
        real = (torch.rand((*size, channels), generator=random) * 2 - 1).numpy()
        shift = torch.randn(real.shape, generator=random).numpy() * noise
        fake = np.clip(real + shift, -1, 1)
        real, fake = (x.astype(np.float32).astype(np.float64) for x in (real, fake))
        a, b = real / 2 + 0.5, fake / 2 + 0.5
        cases.append(
            {
                "name": name,
                "real": tensor(real.astype(np.float32)),
                "generated": tensor(fake.astype(np.float32)),
                "psnr": peak_signal_noise_ratio(a, b, data_range=1),
                "ssim": structural_similarity(a, b, win_size=7, channel_axis=2, data_range=1),
                "sharpness": sharpness(fake[None]),
            }
        )
    about = (
        "Images [H,W,C] in [-1, 1]; PSNR and SSIM over [0, 1] by skimage.metrics "
        "(structural_similarity with win_size=7, channel_axis, data_range=1). sharpness is the "
        "generated image's."
    )
    write("measures", about, ["scikit-image", "numpy"], cases)


def make_flow() -> None:
    height, width = 48, 64

    def picture(dx: float, dy: float) -> np.ndarray:
        y, x = np.mgrid[0:height, 0:width].astype(np.float64)
        x, y = x - dx, y - dy
        waves = np.sin(x / 3.1) + np.cos(y / 4.3 + x / 7) + np.sin((x + 2 * y) / 9)
        return np.round(127.5 + 40 * waves).clip(0, 255).astype(np.uint8)

    first, second = picture(0, 0), picture(1.75, -0.5)
    flow = cv2.calcOpticalFlowFarneback(first, second, None, 0.5, 3, 15, 3, 5, 1.2, 0)
    rounded = np.round(flow.astype(np.float64), 4)
    case = {
        "name": "shifted by (1.75, -0.5)",
        "from": tensor(first),
        "to": tensor(second),
        "flow": tensor(rounded),
    }
    about = (
        "Grey bytes [H,W] and OpenCV's Farneback flow [H,W,2] in pixels: pyramid 0.5, 3 levels, "
        "window 15, 3 iterations, polynomials of 5 pixels, sigma 1.2. float32, four decimals."
    )
    write("farneback", about, ["opencv-python-headless"], [case])


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    make_warp()
    make_change()
    make_blur()
    make_instance_norm()
    make_style()
    make_acting()
    make_told_judge()
    make_spectral_norm()
    make_losses()
    make_feature_matching()
    make_flow_smoothness()
    make_detail()
    make_flow_teacher()
    make_lecam()
    make_slope()
    make_adam()
    make_ema()
    make_measures()
    make_flow()
    make_steps()
