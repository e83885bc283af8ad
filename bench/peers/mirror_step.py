"""Frameloom's training step (src/training/step.ts) on the networks of mirror_networks.py.

A window is `lead` real frames, then `warm_up` frames that are generated without a gradient, then the
T frames to train on. Both networks' losses are of the same weights; then both optimizers step.
"""

from __future__ import annotations

import dataclasses

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

import losses
from mirror_networks import Discriminators, Generator, Judgement, initialize, warp

def paired(real: Tensor, fake: Tensor) -> Tensor:
    """The real logits once for each batch of generated ones, as composed and raw frames are."""
    return real.repeat(fake.shape[0] // real.shape[0], 1, 1, 1)


# What the judges minimize, as terms of real and generated logits; what the generator does.
ADVERSARIAL = {
    "lsgan": (
        {
            "real": lambda real, fake: 0.5 * (real - 1).square().mean(),
            "fake": lambda real, fake: 0.5 * fake.square().mean(),
        },
        lambda real, fake: losses.lsgan_generator(fake),
    ),
    "hinge": (
        {
            "real": lambda real, fake: 0.5 * F.relu(1 - real).mean(),
            "fake": lambda real, fake: 0.5 * F.relu(1 + fake).mean(),
        },
        lambda real, fake: losses.hinge_generator(fake),
    ),
    "non-saturating": (
        {
            "real": lambda real, fake: 0.5 * F.softplus(-real).mean(),
            "fake": lambda real, fake: 0.5 * F.softplus(fake).mean(),
        },
        lambda real, fake: losses.non_saturating_generator(fake),
    ),
    "relativistic": (
        {
            "relative": lambda real, fake: losses.relativistic_discriminator(
                paired(real, fake), fake
            )
        },
        lambda real, fake: losses.relativistic_generator(paired(real, fake), fake),
    ),
}


@dataclasses.dataclass(frozen=True)
class StepOptions:
    """Networks, losses, optimizers, and how PyTorch is to run them."""

    channels: int = 24
    blocks: int = 3
    branch_blocks: int = 1
    condition_channels: int = 1
    condition_frames: int = 3
    history_frames: int = 2
    flow_scale_pixels: float = 8.0
    # Whether the generator's weights are normalized; None: where the condition has many channels.
    by_weights: bool | None = None
    # Whether the residual blocks are modulated by the condition.
    modulated: bool = False
    judge_channels: int = 24
    judge_layers: int = 3
    judge_scales: int = 2
    # All judges blur before each stride.
    anti_alias: bool = False
    sequence_frames: int = 3
    temporal_strides: tuple[int, ...] = (1,)
    judge_raw: bool = True
    adversarial: str = "lsgan"
    feature_matching: float = 5.0
    reconstruction: float = 10.0
    warp: float = 10.0
    flow_smoothness: float = 0.1
    # Gamma of the slope penalties at real and at generated input in this step; 0 leaves one out.
    r1: float = 0.0
    r2: float = 0.0
    # Deviation of the noise by which slopes are approximated; None takes the gradient.
    penalty_sigma: float | None = None
    # LeCam's weight, and the running means of scores (real, generated) by kind of judge.
    lecam: float = 0.0
    anchors: tuple[tuple[str, tuple[float, float]], ...] = ()
    generator_rate: float = 4e-4
    discriminator_rate: float = 2e-4
    beta1: float = 0.5
    beta2: float = 0.999
    average_share: float = 0.05
    # With TensorFlow's padding to the pixel; see mirror_networks.py.
    exact: bool = False
    channels_last: bool = False
    compile: bool = False
    gradient_checkpointing: bool = False
    # One forward pass of the discriminators for both losses, as Frameloom's graph has it; else the
    # textbook's, in which the generator's loss judges the generated frames again.
    judge_once: bool = True
    fused: bool = True
    seed: int = 1


@dataclasses.dataclass
class Rolled:
    """The generated frames by time, each [N,C,H,W]."""

    frames: list[Tensor]
    raws: list[Tensor]
    flows: list[tuple[int, Tensor]]


@dataclasses.dataclass
class Real:
    window: Tensor  # [N,lead+T,3,H,W], without the lead after a cold start
    condition: Tensor  # [N*T,C,H,W]
    lead: int
    front: Tensor | None  # [N,lead,3,H,W]: the lead as the rollout saw it

    @property
    def frames(self) -> Tensor:
        return self.window[:, self.lead :].flatten(0, 1)


def runs(window: Tensor, count: int, stride: int, first_last: int) -> Tensor | None:
    """Every run of `count` frames as channels, [N*runs,count*C,H,W], oldest run and frame first."""
    span = (count - 1) * stride
    start = max(0, first_last - span)
    number = window.shape[1] - span - start
    if number < 1:
        return None
    starts = [start + i * stride for i in range(count)]
    slices = [window[:, at : at + number] for at in starts]
    return torch.cat(slices, 2).flatten(0, 1)


def mean_of(terms: list[Tensor]) -> Tensor:
    return torch.stack(terms).mean()


@dataclasses.dataclass
class OfReal:
    """What the generator's half reads of a judgement of real input: constants."""

    features: list[list[Tensor]]
    logits: list[Tensor]


def of_real(judged: list[Judgement]) -> OfReal:
    features = [[feature.detach() for feature in own] for own, _ in judged]
    return OfReal(features, [logits.detach() for _, logits in judged])


def matching(judged: list[Judgement], real: list[list[Tensor]]) -> Tensor:
    """Feature matching; composed and raw frames both match the one real frame."""
    return mean_of(
        [
            (made.unflatten(0, (-1, target.shape[0])) - target).abs().mean()
            for (features, _), targets in zip(judged, real, strict=True)
            for made, target in zip(features, targets, strict=True)
        ]
    )


class Trainer:
    def __init__(self, options: StepOptions) -> None:
        self.options = options
        self.generator = Generator(
            options.condition_channels,
            options.condition_frames,
            options.history_frames,
            flow_scale_pixels=options.flow_scale_pixels,
            channels=options.channels,
            blocks=options.blocks,
            branch_blocks=options.branch_blocks,
            by_weights=options.by_weights,
            modulated=options.modulated,
            exact=options.exact,
        )
        self.judges = Discriminators(
            options.condition_channels,
            options.sequence_frames,
            options.temporal_strides,
            channels=options.judge_channels,
            layers=options.judge_layers,
            scales=options.judge_scales,
            exact=options.exact,
            anti_alias=options.anti_alias,
        )
        for offset, network in enumerate([self.generator, self.judges]):
            initialize(network, options.seed + offset)
            if options.channels_last:
                network.to(memory_format=torch.channels_last)
        self.generator_parameters = list(self.generator.parameters())
        self.judge_parameters = list(self.judges.parameters())
        self.average_share = options.average_share
        self.average = [p.detach().clone() for p in self.generator_parameters]
        adam = {"betas": (options.beta1, options.beta2), "fused": options.fused}
        self.generator_adam = torch.optim.Adam(
            self.generator_parameters, options.generator_rate, **adam
        )
        self.judge_adam = torch.optim.Adam(
            self.judge_parameters, options.discriminator_rate, **adam
        )
        if options.compile:
            # One frame of the generator, not the whole rollout, so that T may change freely.
            self.generator.compile()
            self.judges.frame.compile()
            for judge in self.judges.sequence.values():
                judge.compile()

    def format(self, x: Tensor) -> Tensor:
        return x.contiguous(memory_format=torch.channels_last) if self.options.channels_last else x

    # The rollout.

    def roll(
        self, condition: Tensor, history: Tensor, at: int, count: int, cold: bool
    ) -> tuple[Rolled, Tensor]:
        """Generates frames `at` ... `at + count - 1`; `cold` when nothing exists before frame `at`.

        history [N,3*frames,H,W], newest first; returned as it is after the last frame.
        """
        out = Rolled([], [], [])
        seen = self.generator.condition_frames
        first = at if cold else 0
        for t in range(at, at + count):
            window = [condition[:, max(first, t - seen + 1 + i)] for i in range(seen)]
            has_history = not (cold and t == at)
            inputs = (self.format(torch.cat(window, 1)), self.format(history), has_history)
            if self.options.gradient_checkpointing and torch.is_grad_enabled():
                frame, raw, flow = checkpoint(self.generator, *inputs, use_reentrant=False)
            else:
                frame, raw, flow = self.generator(*inputs)
            out.frames.append(frame)
            out.raws.append(raw)
            if flow is not None:
                out.flows.append((t - at, flow))
            history = torch.cat([frame, history[:, : -frame.shape[1]]], 1)
        return out, history

    def rollout(
        self, frames: Tensor, condition: Tensor, cold: bool, lead: int, warm_up: int
    ) -> tuple[Rolled, Real]:
        past = [frames[:, t] for t in range(lead - 1, -1, -1)]
        history = torch.cat(past[: self.generator.history_frames], 1)
        if cold:
            history = torch.zeros_like(history)
        # The frames before the ones to train on, as the generator saw them.
        front = [] if cold else [frames[:, t] for t in range(lead)]
        if warm_up > 0:
            with torch.no_grad():
                warmed, history = self.roll(condition, history, lead, warm_up, cold)
            front += warmed.frames
            cold = False
            frames, condition = frames[:, warm_up:], condition[:, warm_up:]
        out, _ = self.roll(condition, history, lead, frames.shape[1] - lead, cold)
        shown = front[-lead:]
        real = Real(
            window=frames[:, lead - len(shown) :],
            condition=condition[:, lead:].flatten(0, 1),
            lead=len(shown),
            front=torch.stack(shown, 1) if shown else None,
        )
        return out, real

    # The losses.

    def judge_sides(self, real: Real, frames: list[Tensor], raws: list[Tensor]):
        """For each discriminator: what judges, its real input, its generated input."""
        composed = torch.stack(frames, 1)
        fakes = composed.flatten(0, 1)
        condition = real.condition
        if self.options.judge_raw:
            fakes = torch.cat([fakes, torch.stack(raws, 1).flatten(0, 1)])
            condition = torch.cat([condition, condition])
        sides = [
            (
                "frame",
                self.judges.frame,
                self.format(torch.cat([real.condition, real.frames], 1)),
                self.format(torch.cat([condition, fakes], 1)),
            )
        ]
        window = composed if real.front is None else torch.cat([real.front, composed], 1)
        for stride in self.judges.temporal_strides:
            count = self.judges.sequence_frames
            real_runs = runs(real.window, count, stride, real.lead)
            made_runs = runs(window, count, stride, real.lead)
            if real_runs is not None and made_runs is not None:
                judge = self.judges.sequence[f"stride{stride}"]
                sides.append(("sequence", judge, self.format(real_runs), self.format(made_runs)))
        return sides

    def picture_terms(self, real: Real, out: Rolled) -> dict[str, Tensor]:
        options = self.options
        target = real.frames
        terms = {
            "reconstruction": options.reconstruction
            * F.l1_loss(torch.stack(out.frames, 1).flatten(0, 1), target),
            "raw_reconstruction": options.reconstruction
            * F.l1_loss(torch.stack(out.raws, 1).flatten(0, 1), target),
        }
        if out.flows:
            at = real.lead
            terms["warp"] = options.warp * mean_of(
                [
                    F.l1_loss(warp(real.window[:, at + t - 1], flow), real.window[:, at + t])
                    for t, flow in out.flows
                ]
            )
            terms["flow_smoothness"] = options.flow_smoothness * mean_of(
                [losses.flow_smoothness(flow) for _, flow in out.flows]
            )
        return terms

    def generator_terms(self, real: Real, out: Rolled, judged: list) -> dict[str, Tensor]:
        """judged: for each discriminator its kind, its judgement of generated input, and of real."""
        generator_side = ADVERSARIAL[self.options.adversarial][1]
        lists: dict[str, list[Tensor]] = {}
        for kind, on_fake, real_side in judged:
            scores = [
                generator_side(own, logits)
                for own, (_, logits) in zip(real_side.logits, on_fake, strict=True)
            ]
            lists.setdefault(f"{kind}_adversarial", []).extend(scores)
            lists.setdefault(f"{kind}_matching", []).append(matching(on_fake, real_side.features))
        weights = {"adversarial": 1.0, "matching": self.options.feature_matching}
        terms = {
            name: weights[name.split("_")[1]] * mean_of(values) for name, values in lists.items()
        }
        return {**terms, **self.picture_terms(real, out)}

    def judge_terms(self, judged: list) -> dict[str, Tensor]:
        """judged: for each discriminator its kind, and its judgements of real and generated input."""
        options = self.options
        sides = ADVERSARIAL[options.adversarial][0]
        anchors = dict(options.anchors)
        lists: dict[str, list[Tensor]] = {}
        for kind, on_real, on_fake in judged:
            pairs = [(a, b) for (_, a), (_, b) in zip(on_real, on_fake, strict=True)]
            for name, side in sides.items():
                lists.setdefault(f"{kind}_{name}", []).append(mean_of([side(*x) for x in pairs]))
            if options.lecam > 0 and kind in anchors:
                drawn = [losses.lecam(*x, *anchors[kind]) for x in pairs]
                lists.setdefault(f"{kind}_lecam", []).append(options.lecam * mean_of(drawn))
        return {name: mean_of(values) for name, values in lists.items()}

    def penalty_terms(
        self, real: Real, out: Rolled, noise: Tensor | None
    ) -> dict[str, Tensor]:
        """The slope of each judge at real and at generated input, in frames and not in conditions.

        noise: standard normal for the frames [N,lead+T,3,H,W], where slopes are approximated.
        """
        options = self.options
        lists: dict[str, list[Tensor]] = {}
        frames, raws = ([x.detach() for x in own] for own in (out.frames, out.raws))
        sides = self.judge_sides(real, frames, raws)
        moves = [None] * len(sides)
        if noise is not None:
            noise = noise[:, noise.shape[1] - real.window.shape[1] :]
            by_time = list(noise[:, real.lead :].unbind(1))
            front = None if real.front is None else noise[:, : real.lead]
            nudges = Real(noise, torch.zeros_like(real.condition), real.lead, front)
            moves = self.judge_sides(nudges, by_time, by_time)
        for side, move in zip(sides, moves, strict=True):
            kind, judge = side[:2]
            channels = options.condition_channels if kind == "frame" else 0
            for at, (name, gamma) in enumerate([("r1", options.r1), ("r2", options.r2)], 2):
                if gamma == 0:
                    continue
                if move is None:
                    condition, images = side[at].split([channels, side[at].shape[1] - channels], 1)
                    images = images.detach().requires_grad_()
                    logits = [own for _, own in judge(torch.cat([condition, images], 1))]
                    penalty = losses.slope_penalty(logits, images)
                else:
                    sigma = options.penalty_sigma
                    logits, moved = (
                        [own for _, own in judge(x)] for x in (side[at], side[at] + sigma * move[at])
                    )
                    penalty = losses.approximate_penalty(logits, moved, sigma)
                lists.setdefault(f"{kind}_{name}", []).append(gamma * penalty)
        return {name: mean_of(values) for name, values in lists.items()}

    # The steps.

    def update_generator(self) -> None:
        self.generator_adam.step()
        with torch.no_grad():
            torch._foreach_lerp_(
                self.average, self.generator_parameters, self.average_share
            )

    def clear(self) -> None:
        self.generator_adam.zero_grad(set_to_none=True)
        self.judge_adam.zero_grad(set_to_none=True)

    def gradients(
        self,
        frames: Tensor,
        condition: Tensor,
        cold: bool,
        lead: int,
        warm_up: int,
        noise: Tensor | None = None,
    ) -> tuple[dict[str, Tensor], Rolled]:
        """Both networks' gradients, in `grad`; the weighted terms. noise: of approximated penalties."""
        out, real = self.rollout(frames, condition, cold, lead, warm_up)
        if self.options.judge_once:
            sides = [
                (kind, judge(real_input), judge(fake_input))
                for kind, judge, real_input, fake_input in self.judge_sides(
                    real, out.frames, out.raws
                )
            ]
            judge_terms = self.judge_terms(sides)
            sum(judge_terms.values()).backward(inputs=self.judge_parameters, retain_graph=True)
            judged = [(kind, on_fake, of_real(on_real)) for kind, on_real, on_fake in sides]
            generator_terms = self.generator_terms(real, out, judged)
            sum(generator_terms.values()).backward(inputs=self.generator_parameters)
        else:
            judge_terms, real_sides = self.judge_backward(
                real, [x.detach() for x in out.frames], [x.detach() for x in out.raws]
            )
            generator_terms = self.generator_backward(real, out, real_sides)
        if self.options.r1 > 0 or self.options.r2 > 0:
            penalties = self.penalty_terms(real, out, noise)
            sum(penalties.values()).backward(inputs=self.judge_parameters)
            judge_terms = {**judge_terms, **penalties}
        named = {f"generator/{name}": value for name, value in generator_terms.items()}
        return {**named, **{f"discriminator/{k}": v for k, v in judge_terms.items()}}, out

    def judge_backward(self, real: Real, frames: list[Tensor], raws: list[Tensor]):
        sides = [
            (kind, judge(real_input), judge(fake_input))
            for kind, judge, real_input, fake_input in self.judge_sides(real, frames, raws)
        ]
        terms = self.judge_terms(sides)
        sum(terms.values()).backward(inputs=self.judge_parameters)
        return terms, [of_real(on_real) for _, on_real, _ in sides]

    def generator_backward(self, real: Real, out: Rolled, real_sides: list[OfReal] | None):
        """real_sides: the judgements of real input; null to make them here."""
        self.judges.requires_grad_(False)
        sides = self.judge_sides(real, out.frames, out.raws)
        if real_sides is None:
            with torch.no_grad():
                real_sides = [of_real(judge(real_input)) for _, judge, real_input, _ in sides]
        judged = [
            (kind, judge(fake_input), own)
            for (kind, judge, _, fake_input), own in zip(sides, real_sides, strict=True)
        ]
        terms = self.generator_terms(real, out, judged)
        sum(terms.values()).backward(inputs=self.generator_parameters)
        self.judges.requires_grad_(True)
        return terms

    def step(
        self,
        frames: Tensor,
        condition: Tensor,
        cold: bool = False,
        lead: int = 2,
        warm_up: int = 0,
    ) -> dict[str, float]:
        """One training step. frames [N,lead+warm_up+T,3,H,W], condition the same with C channels."""
        self.clear()
        self.judges.power_step()
        terms, _ = self.gradients(frames, condition, cold, lead, warm_up)
        self.update_generator()
        self.judge_adam.step()
        return read(terms)

    def generator_step(self, frames: Tensor, condition: Tensor, lead: int = 2) -> dict[str, float]:
        """The generator's half alone: rollout, losses, gradient, Adam, average."""
        self.clear()
        out, real = self.rollout(frames, condition, False, lead, 0)
        terms = self.generator_backward(real, out, None)
        self.update_generator()
        return read(terms)

    def discriminator_step(
        self, frames: Tensor, condition: Tensor, fakes: tuple[list[Tensor], list[Tensor]], lead: int
    ) -> dict[str, float]:
        """The discriminators' half alone, on frames (and raw images) that are generated already."""
        self.clear()
        self.judges.power_step()
        real = Real(frames, condition[:, lead:].flatten(0, 1), lead, frames[:, :lead])
        terms, _ = self.judge_backward(real, *fakes)
        self.judge_adam.step()
        return read(terms)


def read(terms: dict[str, Tensor]) -> dict[str, float]:
    values = torch.stack([value.detach() for value in terms.values()]).tolist()
    return dict(zip(terms, values, strict=True))
