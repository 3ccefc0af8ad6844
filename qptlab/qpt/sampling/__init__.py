"""Where training geometries come from. A sampler is a pure function of a seed and an index."""

from qptlab.qpt.sampling.base import (
    TRAIN,
    VALIDATION,
    Sampler,
    sampler_from_json,
    sampler_json,
)
from qptlab.qpt.sampling.frames import Frames, frames_from_file
from qptlab.qpt.sampling.wiggle import Wiggle, wiggle

__all__ = [
    "TRAIN",
    "VALIDATION",
    "Frames",
    "Sampler",
    "Wiggle",
    "frames_from_file",
    "sampler_from_json",
    "sampler_json",
    "wiggle",
]
