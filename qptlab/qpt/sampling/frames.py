"""Geometries that are there already: the frames of an .xyz file."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase.io.extxyz import key_val_str_to_dict

from qptlab.errors import InputError
from qptlab.molecule import Molecule, commented_frames_from_xyz
from qptlab.qpt.sampling.base import (
    TRAIN,
    generator,
    molecule_from_json,
    molecule_json,
    saved_as,
    turned,
)


class Parted:
    """A sampler of given `frames`, of which `_split` says who trains and who validates."""

    frames: tuple[Molecule, ...]
    _split: tuple[tuple[Molecule, ...], tuple[Molecule, ...]]

    @property
    def molecule(self) -> Molecule:
        """The first frame."""
        return self.frames[0]

    @property
    def training(self) -> tuple[Molecule, ...]:
        """The frames to train on."""
        return self._split[0]

    @property
    def validation(self) -> tuple[Molecule, ...]:
        """The frames to validate with."""
        return self._split[1]

    def __call__(self, split: str, seed: int, index: int) -> Molecule:
        return pick(*self._split, split, seed, index)


@saved_as("file")
@dataclass(frozen=True)
class Frames(Parted):
    """Frames of a file, turned at random; neighbours in time never on both sides of the split.

    Where `group` names two trajectories or more, the last fifth of the trajectories (at least
    one) is kept for validation. Else the frames count as one trajectory: its last fifth is kept
    for validation, and a tenth of all frames before that is used by neither, so that validation
    does not begin one step after training ends.

    Args:
        frames: of one molecule, at least 2.
        group: name of each frame's trajectory, or None.
        gap: frames used by neither where there is one trajectory; a tenth by default.

    Raises:
        InputError: too few frames, or frames of different molecules.
    """

    frames: tuple[Molecule, ...]
    group: tuple[str, ...] | None = None
    gap: int | None = None

    def __post_init__(self):
        check_frames(self.frames)
        if self.group is not None and len(self.group) != len(self.frames):
            raise InputError(f"{len(self.group)} trajectory names for {len(self.frames)} frames")

    @property
    def _split(self) -> tuple[tuple[Molecule, ...], tuple[Molecule, ...]]:
        names = list(dict.fromkeys(self.group or ()))
        if len(names) > 1:
            held_out = names[-_fifth(len(names)) :]
            return parted(self.frames, [name in held_out for name in self.group])
        count = len(self.frames)
        n_validation = _fifth(count)
        gap = max(1, count // 10) if self.gap is None else self.gap
        n_train = max(1, count - n_validation - gap)
        return self.frames[:n_train], self.frames[count - n_validation :]

    def to_json(self) -> dict:
        """See `SavedSampler`."""
        frames = [molecule_json(frame) for frame in self.frames]
        return {"frames": frames, "group": self.group, "gap": self.gap}

    @classmethod
    def from_json(cls, record: dict) -> "Frames":
        """See `SavedSampler`; a run written before there were gaps goes on without one."""
        frames = tuple(molecule_from_json(frame) for frame in record["frames"])
        group = record.get("group")
        return cls(frames, None if group is None else tuple(group), record.get("gap", 0))


def frames_from_file(source: str | os.PathLike, charge: int | None = None, spin: int = 0) -> Frames:
    """The frames of an .xyz file (ångström), by trajectory where `trajectory=…` names one.

    Raises:
        InputError: as `from_xyz` and `Frames`, or a trajectory named on some frames only.
    """
    comments, frames = zip(*commented_frames_from_xyz(source, charge, spin), strict=True)
    group = [key_val_str_to_dict(comment).get("trajectory") for comment in comments]
    named = [name is not None for name in group]
    if any(named) and not all(named):
        raise InputError(
            f"{named.count(False)} of {len(named)} frames have no trajectory= in their comment; "
            "expected it on every frame or on none"
        )
    return Frames(frames, tuple(map(str, group)) if all(named) else None)


def check_frames(frames: Sequence[Molecule]) -> None:
    """Raise `InputError` for too few frames, or frames of different molecules."""
    if len(frames) < 2:
        raise InputError(
            f"{len(frames)} frame given; at least 2 are needed, one to train on and one to "
            "validate with"
        )
    kinds = {(frame.symbols, frame.charge, frame.spin) for frame in frames}
    if len(kinds) > 1:
        raise InputError("frames of different molecules given; expected one molecule")


def parted(
    frames: Sequence[Molecule], held_out: Sequence[bool]
) -> tuple[tuple[Molecule, ...], tuple[Molecule, ...]]:
    """Frames to train on, and those held out."""
    pairs = list(zip(frames, held_out, strict=True))
    return tuple(f for f, out in pairs if not out), tuple(f for f, out in pairs if out)


def pick(
    training: Sequence[Molecule],
    validation: Sequence[Molecule],
    split: str,
    seed: int,
    index: int,
) -> Molecule:
    """A training frame at random, or validation frames in turn; in a random orientation."""
    rng = generator(split, seed, index)
    if split == TRAIN:
        return turned(training[rng.integers(len(training))], rng)
    return turned(spread(validation, index), rng)


def spread(frames: Sequence[Molecule], index: int) -> Molecule:
    """Frame `index` of an order in which the first few are far apart in time."""
    order = np.random.default_rng(0).permutation(len(frames))
    return frames[order[index % len(frames)]]


def _fifth(count: int) -> int:
    return max(1, count // 5)
