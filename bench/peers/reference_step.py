"""One training step of the reference: both networks' losses, then both optimizers."""

from __future__ import annotations

import dataclasses

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import reference_losses as losses
from reference_networks import Generator, MultiScaleDiscriminator, initialize, warp

SEQUENCE_FRAMES = 3


@dataclasses.dataclass
class StepOptions:
    condition_channels: int = 1
    channels: int = 24
    spectral_norm: bool = True
    feature_matching: float = 5.0
    warp: float = 10.0
    reconstruction: float = 10.0
    generator_rate: float = 4e-4
    discriminator_rate: float = 2e-4
    channels_last: bool = False
    compile: bool = False
    gradient_checkpointing: bool = False
    seed: int = 1


def fold(x: Tensor) -> Tensor:
    """[N,T,C,H,W] -> [N*T,C,H,W]."""
    return x.flatten(0, 1)


def consecutive(frames: Tensor, count: int = SEQUENCE_FRAMES) -> Tensor:
    """[N,T,3,H,W] -> every run of `count` frames, channels side by side."""
    runs = frames.unfold(1, count, 1)  # [N,T-count+1,3,H,W,count]
    return runs.permute(0, 1, 5, 2, 3, 4).flatten(2, 3).flatten(0, 1)


class Trainer:
    def __init__(self, options: StepOptions) -> None:
        self.options = options
        self.generator = Generator(options.condition_channels, channels=options.channels)
        judge = {"channels": options.channels, "spectral_norm": options.spectral_norm}
        self.frame_judge = MultiScaleDiscriminator(options.condition_channels + 3, **judge)
        self.sequence_judge = MultiScaleDiscriminator(3 * SEQUENCE_FRAMES, **judge)
        self.networks: list[nn.Module] = [self.generator, self.frame_judge, self.sequence_judge]
        for offset, network in enumerate(self.networks):
            initialize(network, options.seed + offset)
            if options.channels_last:
                network.to(memory_format=torch.channels_last)
        if options.compile:
            # The per-frame step is compiled, not the whole rollout, so T may change freely.
            for network in self.networks:
                network.forward = torch.compile(network.forward)
        betas = (0.5, 0.999)
        self.generator_adam = torch.optim.Adam(
            self.generator.parameters(), options.generator_rate, betas
        )
        self.judge_adam = torch.optim.Adam(
            [*self.frame_judge.parameters(), *self.sequence_judge.parameters()],
            options.discriminator_rate,
            betas,
        )

    def judges_require_grad(self, needed: bool) -> None:
        self.frame_judge.requires_grad_(needed)
        self.sequence_judge.requires_grad_(needed)

    def format(self, x: Tensor) -> Tensor:
        return x.contiguous(memory_format=torch.channels_last) if self.options.channels_last else x

    def roll(self, frames: Tensor, condition: Tensor, has_history: bool) -> dict[str, Tensor]:
        history = frames[:, : self.generator.history_frames]
        return self.generator.rollout(
            condition,
            history if has_history else torch.zeros_like(history),
            has_history,
            self.options.gradient_checkpointing,
        )

    def step(self, frames: Tensor, condition: Tensor, has_history: bool) -> dict[str, float]:
        """frames [N,2+T,3,H,W] (two real ones in front), condition [N,2+T,C,H,W].

        Both losses are taken with the same weights, then both optimizers step.
        """
        options = self.options
        self.frame_judge.power_step()
        self.sequence_judge.power_step()
        real = frames[:, self.generator.history_frames :]
        now = fold(condition[:, self.generator.condition_frames - 1 :])
        out = self.roll(frames, condition, has_history)
        fake = out["frame"]
        pairs = [
            (
                self.frame_judge,
                self.format(torch.cat([now, fold(real)], 1)),
                self.format(torch.cat([now, fold(fake)], 1)),
            )
        ]
        if real.shape[1] >= SEQUENCE_FRAMES:
            pairs.append(
                (
                    self.sequence_judge,
                    self.format(consecutive(real)),
                    self.format(consecutive(fake)),
                )
            )

        self.judge_adam.zero_grad()
        judge_loss = torch.zeros(())
        real_features = []
        for judge, real_input, fake_input in pairs:
            both = judge(torch.cat([real_input, fake_input.detach()]))
            half = real_input.shape[0]
            real_features.append([[layer[:half].detach() for layer in scale] for scale in both])
            judge_loss = judge_loss + losses.over_scales(
                [losses.lsgan_discriminator(s[-1][:half], s[-1][half:]) for s in both]
            )
        judge_loss.backward()

        self.generator_adam.zero_grad()
        self.judges_require_grad(False)
        adversarial = torch.zeros(())
        matching = torch.zeros(())
        for (judge, _, fake_input), features in zip(pairs, real_features, strict=True):
            judged = judge(fake_input)
            adversarial = adversarial + losses.over_scales(
                [losses.lsgan_generator(s[-1]) for s in judged]
            )
            matching = matching + losses.feature_matching(features, judged)
        # Where there was no history there was nothing to warp.
        first = 0 if has_history else 1
        last_real = frames[:, self.generator.history_frames - 1 : -1]
        warped = warp(fold(last_real[:, first:]), fold(out["flow"][:, first:]))
        warp_loss = F.l1_loss(warped, fold(real[:, first:]))
        reconstruction = F.l1_loss(fake, real)
        generator_loss = (
            adversarial
            + options.feature_matching * matching
            + options.warp * warp_loss
            + options.reconstruction * reconstruction
        )
        generator_loss.backward()
        self.judges_require_grad(True)

        self.generator_adam.step()
        self.judge_adam.step()
        return {
            "judges": judge_loss.item(),
            "adversarial": adversarial.item(),
            "featureMatching": matching.item(),
            "warp": warp_loss.item(),
            "reconstruction": reconstruction.item(),
        }
