"""What a training is asked to be, whoever asks: the command line and the workbench build from this.

A request is plain data, checked where it is built: nothing runs before `training`, which may first
compute vibrations or dynamics.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path

from qptlab.errors import InputError, quoted
from qptlab.molecule import Molecule
from qptlab.qpt.labels import LabelSource
from qptlab.qpt.networks.base import Network
from qptlab.qpt.networks.block import BlockQPT
from qptlab.qpt.networks.paper import PaperQPT
from qptlab.qpt.runs.folder import RunFolder
from qptlab.qpt.sampling import (
    Frames,
    Sampler,
    different,
    mixture,
    molecular_dynamics,
    normal_modes,
    wiggle,
)
from qptlab.qpt.sampling.modes import Progress
from qptlab.qpt.training.config import TrainConfig
from qptlab.qpt.training.run import Training
from qptlab.qpt.training.validation import ReferenceEnergy
from qptlab.theory import Theory

KINDS = ("wiggle", "modes", "md", "file")


@dataclass(frozen=True)
class SamplerRequest:
    """How geometries are drawn.

    Attributes:
        kind: one of `KINDS`; "file" is for the frames that are given.
        sigma_bohr: of a wiggle. temperature_k: of modes and md.
        surface: whose forces modes and md feel; the network's own theory where None.
        seconds: what molecular dynamics may take; None for as long as it takes.
        frames: of "file", where they are grouped by trajectory; else all that are given.

    Raises:
        InputError: an unknown kind.
    """

    kind: str = "wiggle"
    sigma_bohr: float = 0.05
    temperature_k: float = 300.0
    surface: Theory | None = None
    seconds: float | None = None
    frames: Frames | None = None

    def __post_init__(self):
        if self.kind not in KINDS:
            raise InputError(
                f"unknown kind of sampler {quoted(self.kind)}; known: {', '.join(KINDS)}"
            )


@dataclass(frozen=True)
class NetworkRequest:
    """A new network: "block", with fields of `BlockSizes`, or "paper" of a named size.

    Raises:
        InputError: another kind.
    """

    kind: str = "block"
    sizes: dict[str, int] = field(default_factory=dict)
    size: str = "tiny"

    def __post_init__(self):
        if self.kind not in ("block", "paper"):
            raise InputError(f"unknown kind of network {quoted(self.kind)}; known: block, paper")

    def create(self, geometries: tuple[Molecule, ...], theory: Theory, seed: int) -> Network:
        """The untrained network.

        Raises:
            InputError: as `BlockQPT.create` and `PaperQPT.create`, or the paper's for several
                molecules.
        """
        if self.kind == "paper":
            if len(different(geometries)) > 1:
                raise InputError("the paper's network is for one molecule; several are given")
            return PaperQPT.create(geometries[0], theory, self.size, seed)
        return BlockQPT.create(geometries, theory, seed=seed, **self.sizes)


@dataclass(frozen=True)
class RunRequest:
    """All that is chosen before a training starts.

    Attributes:
        geometries: of one molecule, or one of each of several; those to train on.
        network: a trained one to go on from, or what to create.
        theory: of a network that is created; a trained one has its own.
        held_out: molecules that are never trained on, to validate a wiggle with.
        out: run folder, or None to keep nothing.
    """

    geometries: tuple[Molecule, ...]
    theory: Theory
    network: Network | NetworkRequest = NetworkRequest()
    sampler: SamplerRequest = SamplerRequest()
    config: TrainConfig = field(default_factory=TrainConfig)
    held_out: tuple[Molecule, ...] = ()
    out: Path | RunFolder | None = None

    def training(
        self,
        *,
        reference: ReferenceEnergy,
        labels: LabelSource | None = None,
        started: float | None = None,
        progress: Progress = lambda line: None,
    ) -> Training:
        """The training that this describes.

        Args:
            reference, labels, started: as `Training`.
            progress: called with a line of text while vibrations or dynamics are computed.

        Raises:
            InputError: what cannot be computed or trained, in one sentence.
        """
        network, config = self.network, self.config
        # before the sampler: making that may take minutes
        if isinstance(network, NetworkRequest):
            network = network.create(self.geometries, self.theory, config.seed)
        for molecule in self.geometries:
            network.check(molecule)
        if self.held_out:
            config = replace(config, n_validation=len(self.held_out))
        sampler = self._sampler(network.theory, progress)
        judge = {"reference": reference, "labels": labels, "started": started}
        return Training(network, sampler, config, out=self.out, **judge)

    def _sampler(self, theory: Theory, progress: Progress) -> Sampler:
        asked, first = self.sampler, self.geometries[0]
        surface = theory if asked.surface is None else asked.surface
        if asked.kind == "file":
            return Frames(self.geometries) if asked.frames is None else asked.frames
        if asked.kind == "modes":
            return normal_modes(first, surface, asked.temperature_k, progress=progress)
        if asked.kind == "md":
            return molecular_dynamics(
                first,
                surface,
                asked.temperature_k,
                seed=self.config.seed,
                seconds=asked.seconds,
                progress=progress,
            )
        if len(self.geometries) == 1 and not self.held_out:
            return wiggle(first, asked.sigma_bohr)
        sides = self.geometries, self.held_out
        return mixture(*([wiggle(m, asked.sigma_bohr) for m in side] for side in sides))
