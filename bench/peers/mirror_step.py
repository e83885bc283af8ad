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

import reference_losses as losses
from mirror_networks import Discriminators, Generator, Judgement, initialize, warp

ADVERSARIAL = {
    "lsgan": (
        lambda x: (x - 1).square().mean(),
        lambda x: x.square().mean(),
        losses.lsgan_generator,
    ),
    "hinge": (
        lambda x: F.relu(1 - x).mean(),
        lambda x: F.relu(1 + x).mean(),
        losses.hinge_generator,
    ),
    "non-saturating": (
        lambda x: F.softplus(-x).mean(),
        lambda x: F.softplus(x).mean(),
        losses.non_saturating_generator,
    ),
}


@dataclasses.dataclass(frozen=True)
class StepOptions:
    """Networks, losses, optimizers, and how PyTorch is to run them."""

    channels: int = 24
    blocks: int = 3
    branch_blocks: int = 1
    condition_channels: int = 1
    judge_channels: int = 24
    judge_layers: int = 3
    judge_scales: int = 2
    temporal_strides: tuple[int, ...] = (1,)
    judge_raw: bool = True
    adversarial: str = "lsgan"
    feature_matching: float = 5.0
    reconstruction: float = 10.0
    warp: float = 10.0
    flow_smoothness: float = 0.1
    # Gamma of the gradient penalty in this step; 0 leaves it out.
    r1: float = 0.0
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


def features_of(judged: list[Judgement]) -> list[list[Tensor]]:
    return [[feature.detach() for feature in features] for features, _ in judged]


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
            channels=options.channels,
            blocks=options.blocks,
            branch_blocks=options.branch_blocks,
            exact=options.exact,
        )
        self.judges = Discriminators(
            options.condition_channels,
            temporal_strides=options.temporal_strides,
            channels=options.judge_channels,
            layers=options.judge_layers,
            scales=options.judge_scales,
            exact=options.exact,
        )
        for offset, network in enumerate([self.generator, self.judges]):
            initialize(network, options.seed + offset)
            if options.channels_last:
                network.to(memory_format=torch.channels_last)
        self.generator_parameters = list(self.generator.parameters())
        self.judge_parameters = list(self.judges.parameters())
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
        """judged: for each discriminator its kind, its judgement of generated input, and features."""
        generator_side = ADVERSARIAL[self.options.adversarial][2]
        lists: dict[str, list[Tensor]] = {}
        for kind, on_fake, features in judged:
            scores = [generator_side(logits) for _, logits in on_fake]
            lists.setdefault(f"{kind}_adversarial", []).extend(scores)
            lists.setdefault(f"{kind}_matching", []).append(matching(on_fake, features))
        weights = {"adversarial": 1.0, "matching": self.options.feature_matching}
        terms = {
            name: weights[name.split("_")[1]] * mean_of(values) for name, values in lists.items()
        }
        return {**terms, **self.picture_terms(real, out)}

    def judge_terms(self, judged: list) -> dict[str, Tensor]:
        """judged: for each discriminator its kind, and its judgements of real and generated input."""
        real_side, fake_side, _ = ADVERSARIAL[self.options.adversarial]
        lists: dict[str, list[Tensor]] = {}
        for kind, on_real, on_fake in judged:
            for name, side, judgement in [
                (f"{kind}_real", real_side, on_real),
                (f"{kind}_fake", fake_side, on_fake),
            ]:
                lists.setdefault(name, []).append(mean_of([side(x) for _, x in judgement]))
        return {name: 0.5 * mean_of(values) for name, values in lists.items()}

    def r1_terms(self, real: Real, out: Rolled) -> dict[str, Tensor]:
        """The slope of each judge at real input, in the frames and not in their condition."""
        lists: dict[str, list[Tensor]] = {}
        for kind, judge, real_input, _ in self.judge_sides(real, out.frames, out.raws):
            frames = self.options.condition_channels if kind == "frame" else 0
            condition, images = real_input.split([frames, real_input.shape[1] - frames], 1)
            images = images.detach().requires_grad_()
            logits = [own for _, own in judge(torch.cat([condition, images], 1))]
            lists.setdefault(f"{kind}_r1", []).append(losses.r1_penalty(logits, images))
        return {name: self.options.r1 * mean_of(values) for name, values in lists.items()}

    # The steps.

    def update_generator(self) -> None:
        self.generator_adam.step()
        with torch.no_grad():
            torch._foreach_lerp_(
                self.average, self.generator_parameters, self.options.average_share
            )

    def clear(self) -> None:
        self.generator_adam.zero_grad(set_to_none=True)
        self.judge_adam.zero_grad(set_to_none=True)

    def gradients(
        self, frames: Tensor, condition: Tensor, cold: bool, lead: int, warm_up: int
    ) -> tuple[dict[str, Tensor], Rolled]:
        """Both networks' gradients, in `grad`; the weighted terms."""
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
            judged = [(kind, on_fake, features_of(on_real)) for kind, on_real, on_fake in sides]
            generator_terms = self.generator_terms(real, out, judged)
            sum(generator_terms.values()).backward(inputs=self.generator_parameters)
        else:
            judge_terms, features = self.judge_backward(
                real, [x.detach() for x in out.frames], [x.detach() for x in out.raws]
            )
            generator_terms = self.generator_backward(real, out, features)
        if self.options.r1 > 0:
            penalties = self.r1_terms(real, out)
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
        return terms, [features_of(on_real) for _, on_real, _ in sides]

    def generator_backward(self, real: Real, out: Rolled, features: list | None):
        """features: of the real input; null to judge it here."""
        self.judges.requires_grad_(False)
        sides = self.judge_sides(real, out.frames, out.raws)
        if features is None:
            with torch.no_grad():
                features = [features_of(judge(real_input)) for _, judge, real_input, _ in sides]
        judged = [
            (kind, judge(fake_input), own)
            for (kind, judge, _, fake_input), own in zip(sides, features, strict=True)
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
