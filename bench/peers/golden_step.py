"""Golden values of whole training steps: one generator's and one discriminators' half.

Parameters and inputs come from a formula that the test computes too, so that the files stay small;
of what comes out, sums that any wrong number would change are stored.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from torch import Tensor, nn

from frameloom_weights import from_frameloom, named, to_frameloom
from golden_file import SIGNIFICANT_DIGITS, write
from mirror_networks import count_macs
from mirror_step import Rolled, StepOptions, Trainer

LEAD = 2
ADAM_STEP = 10
TINY = StepOptions(
    channels=4,
    blocks=1,
    branch_blocks=1,
    judge_channels=4,
    average_share=0.25,
    exact=True,
    fused=False,
)


@dataclasses.dataclass
class Case:
    name: str
    size: tuple[int, int] = (16, 24)
    samples: int = 1
    frames: int = 3
    warm_up: int = 0
    cold: bool = False
    options: StepOptions = TINY


CASES = [
    Case("with history"),
    Case(
        "from a cold start, weights normalized",
        cold=True,
        options=dataclasses.replace(TINY, by_weights=True),
    ),
    Case("after a warm-up", warm_up=2),
    Case(
        "a batch of two, hinge, the composed frame alone judged, weights normalized",
        samples=2,
        options=dataclasses.replace(TINY, adversarial="hinge", judge_raw=False, by_weights=True),
    ),
    Case(
        "odd sizes, three scales, two temporal strides, non-saturating",
        size=(20, 28),
        options=dataclasses.replace(
            TINY, adversarial="non-saturating", judge_scales=3, temporal_strides=(1, 2)
        ),
    ),
    Case(
        "with the gradient penalty, a batch of two, two temporal strides",
        samples=2,
        options=dataclasses.replace(TINY, r1=10.0, temporal_strides=(1, 2)),
    ),
    Case(
        "relativistic, with LeCam and both gradient penalties",
        options=dataclasses.replace(
            TINY,
            adversarial="relativistic",
            lecam=0.3,
            anchors=(("frame", (0.3, -0.2)), ("sequence", (0.1, -0.4))),
            r1=10.0,
            r2=5.0,
        ),
    ),
    Case(
        "both penalties approximated, after a warm-up, a batch of two, two temporal strides",
        samples=2,
        warm_up=1,
        options=dataclasses.replace(
            TINY, r1=10.0, r2=5.0, penalty_sigma=0.05, temporal_strides=(1, 2)
        ),
    ),
    Case(
        "judges that blur before each stride, odd sizes, three scales, with the gradient penalty",
        size=(20, 28),
        options=dataclasses.replace(TINY, anti_alias=True, judge_scales=3, r1=10.0),
    ),
    Case("modulated by the condition", options=dataclasses.replace(TINY, modulated=True)),
    Case(
        "modulated by the condition, one small frame, weights normalized",
        size=(8, 12),
        frames=1,
        options=dataclasses.replace(TINY, modulated=True, by_weights=True),
    ),
]


def waves(count: int, seed: float) -> np.ndarray:
    """sin(0.7317 (i + 1)^2 + seed): spread like noise, and the same in every language."""
    places = np.arange(1, count + 1, dtype=np.float64)
    return np.sin(0.7317 * places * places + seed)


def single(values: np.ndarray) -> Tensor:
    """Rounded to float32, as Frameloom starts from, then float64."""
    return torch.from_numpy(values.astype(np.float32).astype(np.float64))


def rounded(value: float) -> float:
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}")


def sums(values: Tensor) -> dict[str, float]:
    """The L2 norm, and the dot product with `waves` of seed 0.5."""
    flat = values.detach().reshape(-1).numpy()
    return {
        "norm": rounded(float(np.linalg.norm(flat))),
        "dot": rounded(float(flat @ waves(flat.size, 0.5))),
    }


def first_value(name: str, shape: torch.Size, seed: int) -> Tensor:
    """A parameter in Frameloom's layout."""
    values = waves(shape.numel(), seed)
    if name == "heads.weight":
        values = values * 0.3 / np.sqrt(shape.numel() / shape[-1])  # Flow of a pixel or two.
    elif name.endswith(".weight"):
        values = values * 2 / np.sqrt(shape.numel() / shape[-1])
    elif name.endswith((".gain", ".gamma")):
        values = 1 + 0.2 * values
    else:
        values = (0.02 if name == "heads.bias" else 0.2) * values
    return single(values).reshape(shape)


def fill(network: nn.Module) -> None:
    for seed, (name, parameter) in enumerate(named(network).items()):
        shape = to_frameloom(name, parameter).shape
        with torch.no_grad():
            parameter.copy_(from_frameloom(name, first_value(name, shape, seed)))


def fill_adam(adam: torch.optim.Adam, network: nn.Module) -> None:
    """Moments after ADAM_STEP updates: the mean 0, the square such that no update is a mere sign."""
    for name, parameter in named(network).items():
        shape = to_frameloom(name, parameter).shape
        square = 1e-4 * (1 + 0.5 * waves(shape.numel(), 0.25))
        adam.state[parameter] = {
            "step": torch.tensor(float(ADAM_STEP)),
            "exp_avg": torch.zeros_like(parameter),
            "exp_avg_sq": from_frameloom(name, single(square).reshape(shape)).contiguous(),
        }


def nchw(values: np.ndarray, *shape: int) -> Tensor:
    """[N,T,H,W,C] in the file's order -> [N,T,C,H,W]."""
    return single(values).reshape(shape).permute(0, 1, 4, 2, 3).contiguous()


def noise_of(case: Case) -> Tensor | None:
    """What judges' input is moved by, where their slopes are approximated."""
    if case.options.penalty_sigma is None:
        return None
    shape = (case.samples, LEAD + case.frames, *case.size)
    return nchw(waves(3 * int(np.prod(shape)), 2.25), *shape, 3)


def prepared(case: Case) -> tuple[Trainer, Tensor, Tensor]:
    trainer = Trainer(case.options)
    trainer.generator.double()
    trainer.judges.double()
    fill(trainer.generator)
    fill(trainer.judges)
    fill_adam(trainer.generator_adam, trainer.generator)
    fill_adam(trainer.judge_adam, trainer.judges)
    # Each u is waves of the seed 0.75; the first power step makes both vectors from it.
    for module in trainer.judges.modules():
        if hasattr(module, "power_step") and hasattr(module, "u"):
            module.u.copy_(single(waves(module.u.numel(), 0.75)))
    trainer.average = [0.5 * p.detach() for p in trainer.generator_parameters]
    height, width = case.size
    shape = (case.samples, LEAD + case.warm_up + case.frames, height, width)
    count = int(np.prod(shape))
    frames = nchw(0.9 * waves(3 * count, 1.25), *shape, 3)
    condition = nchw(0.9 * waves(count, 1.75), *shape, 1)
    return trainer, frames, condition


def recipe_of(case: Case) -> dict:
    options = case.options
    return {
        "name": case.name,
        "height": case.size[0],
        "width": case.size[1],
        "samples": case.samples,
        "frames": case.frames,
        "lead": LEAD,
        "warmUp": case.warm_up,
        "coldStart": case.cold,
        "normalization": "weights" if options.by_weights else "instance",
        **({"modulation": "condition"} if options.modulated else {}),
        "judgeRaw": options.judge_raw,
        "adversarial": options.adversarial,
        "r1": options.r1,
        "r2": options.r2,
        "penaltySigma": options.penalty_sigma,
        "lecam": options.lecam,
        "anchors": {
            kind: {"real": real, "fake": fake} for kind, (real, fake) in options.anchors
        },
        "scales": options.judge_scales,
        "temporalStrides": list(options.temporal_strides),
        **({"antiAlias": True} if options.anti_alias else {}),
    }


def changes(network: nn.Module, before: dict[str, Tensor]) -> list[dict]:
    """By parameter: its gradient, and by how much Adam moved it."""
    return [
        {
            "parameter": name,
            "shape": list(to_frameloom(name, parameter).shape),
            "gradient": sums(to_frameloom(name, parameter.grad)),
            "update": sums(to_frameloom(name, parameter - before[name])),
        }
        for name, parameter in named(network).items()
    ]


def output_sums(out: Rolled) -> dict[str, list]:
    def nhwc(x: Tensor) -> Tensor:
        return x.detach().permute(0, 2, 3, 1)

    def described(x: Tensor) -> dict:
        flat = nhwc(x).reshape(-1)
        some = [int(i) for i in np.linspace(0, flat.numel() - 1, 4)]
        return {
            **sums(flat),
            "elements": [{"at": i, "value": rounded(float(flat[i]))} for i in some],
        }

    return {
        "frames": [described(x) for x in out.frames],
        "raws": [described(x) for x in out.raws],
        "flows": [{"t": t, **described(flow)} for t, flow in out.flows],
    }


def macs_of(trainer: Trainer, case: Case) -> dict[str, int]:
    height, width = case.size

    def zeros(channels: int) -> Tensor:
        return torch.zeros(1, channels, height, width)

    generator = trainer.generator
    return {
        "generator": count_macs(generator, zeros(generator.condition_frames), zeros(6)),
        "frame": count_macs(trainer.judges.frame, zeros(4)),
        "sequence": sum(
            count_macs(judge, zeros(9)) for judge in trainer.judges.sequence.values()
        ),
    }


def make_steps() -> None:
    generator_cases = []
    judge_cases = []
    for case in CASES:
        trainer, frames, condition = prepared(case)
        before = [
            {name: value.detach().clone() for name, value in named(network).items()}
            for network in (trainer.generator, trainer.judges)
        ]
        macs = macs_of(trainer, case)
        trainer.judges.power_step()
        window = (frames, condition, case.cold, LEAD, case.warm_up)
        terms, out = trainer.gradients(*window, noise_of(case))
        trainer.update_generator()
        trainer.judge_adam.step()

        def own(side: str) -> dict[str, float]:
            return {k: rounded(v.item()) for k, v in terms.items() if k.startswith(side)}

        averages = [
            to_frameloom(name, value).reshape(-1)
            for name, value in zip(named(trainer.generator), trainer.average, strict=True)
        ]
        generator_cases.append(
            {
                **recipe_of(case),
                "macs": macs["generator"],
                "terms": own("generator/"),
                "outputs": output_sums(out),
                "changes": changes(trainer.generator, before[0]),
                "average": sums(torch.cat(averages)),
            }
        )
        judge_cases.append(
            {
                **recipe_of(case),
                "macs": {"frame": macs["frame"], "sequence": macs["sequence"]},
                "terms": own("discriminator/"),
                "changes": changes(trainer.judges, before[1]),
            }
        )
    about = (
        "One training step by bench/peers/mirror_step.py. With waves(n, seed)[i] = "
        "sin(0.7317 (i+1)^2 + seed), everything rounded to float32 first: parameter number k of its "
        "network, in Frameloom's order and layout, is waves(n, k) times 2/sqrt(n / last dimension) "
        "for a .weight (heads.weight: 0.3 in place of 2), 1 + 0.2 times it for a .gain or .gamma, 0.2 times it "
        "for any other (heads.bias: 0.02); each singular vector u is waves(n, 0.75); frames "
        "[N,lead+warmUp+T,H,W,3] are 0.9 waves(n, 1.25), conditions [N,lead+warmUp+T,H,W,1] 0.9 "
        "waves(n, 1.75), the noise of approximated penalties [N,lead+T,H,W,3] waves(n, 2.25); Adam has "
        "made 10 updates, its mean is 0 and its square 1e-4 (1 + 0.5 waves(n, 0.25)) of each parameter; "
        "the average is half of the parameters. Networks: "
        "channels 4, one residual and one branch block; discriminators of 4 channels and 3 layers. "
        "norm is the L2 norm, dot the dot product with waves(n, 0.5). macs are for one frame, or one "
        "sample of a discriminator."
    )
    write("generator-step", about, ["torch", "numpy"], generator_cases)
    write("discriminator-step", about, ["torch", "numpy"], judge_cases)


if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    make_steps()
