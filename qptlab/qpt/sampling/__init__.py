"""Where training geometries come from. A sampler is a pure function of a seed and an index."""

from qptlab.qpt.sampling.base import (
    TRAIN,
    VALIDATION,
    Sampler,
    different,
    molecules,
    sampler_from_json,
    sampler_json,
)
from qptlab.qpt.sampling.dynamics import molecular_dynamics, network_dynamics
from qptlab.qpt.sampling.frames import Frames, Trajectories, frames_from_file
from qptlab.qpt.sampling.mixture import Mixture, mixture
from qptlab.qpt.sampling.modes import normal_modes
from qptlab.qpt.sampling.scan import dihedral_scan
from qptlab.qpt.sampling.wiggle import Wiggle, wiggle

__all__ = [
    "TRAIN",
    "VALIDATION",
    "Frames",
    "Mixture",
    "Sampler",
    "Trajectories",
    "Wiggle",
    "different",
    "dihedral_scan",
    "frames_from_file",
    "mixture",
    "molecular_dynamics",
    "molecules",
    "network_dynamics",
    "normal_modes",
    "sampler_from_json",
    "sampler_json",
    "wiggle",
]
