"""Geometries that are there already: frames of an .xyz file, or of molecular dynamics."""

import os
from dataclasses import dataclass

import numpy as np

from qptlab.errors import InputError
from qptlab.files import replace_file
from qptlab.molecule import Molecule, to_xyz
from qptlab.qpt.sampling.base import TRAIN, VALIDATION, generator, saved_as, turned
from qptlab.reading import frames_in

_VALIDATES = {TRAIN: False, VALIDATION: True}


class Parted:
    """A sampler of given `frames`, turned at random.

    `_validates` says of each whether it is to validate with; None where it is for neither side.
    """

    frames: tuple[Molecule, ...]
    _validates: list[bool | None]

    def __post_init__(self):
        if len(self.frames) < 2:
            raise InputError(
                f"{len(self.frames)} frame given; at least 2 are needed, one to train on and one "
                "to validate with"
            )
        if len({(frame.symbols, frame.charge, frame.spin) for frame in self.frames}) > 1:
            raise InputError("frames of different molecules given; expected one molecule")

    @property
    def molecule(self) -> Molecule:
        """The first frame."""
        return self.frames[0]

    @property
    def training(self) -> tuple[Molecule, ...]:
        """The frames to train on."""
        return self._side(False)

    @property
    def validation(self) -> tuple[Molecule, ...]:
        """The frames to validate with."""
        return self._side(True)

    def _side(self, validates: bool) -> tuple[Molecule, ...]:
        sides = zip(self.frames, self._validates, strict=True)
        return tuple(frame for frame, side in sides if side is validates)

    def __call__(self, split: str, seed: int, index: int) -> Molecule:
        rng = generator(split, seed, index)
        if split == TRAIN:
            training = self.training
            return turned(training[rng.integers(len(training))], rng)
        # in turn, but of neighbours in time the first few are far apart
        validation = self.validation
        order = np.random.default_rng(0).permutation(len(validation))
        return turned(validation[order[index % len(order)]], rng)


# older runs have no gap: they go on without one
@saved_as("file", group=None, gap=0)
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
        super().__post_init__()
        if self.group is not None and len(self.group) != len(self.frames):
            raise InputError(f"{len(self.group)} trajectory names for {len(self.frames)} frames")

    @property
    def _validates(self) -> list[bool | None]:
        names = list(dict.fromkeys(self.group or ()))
        if len(names) > 1:
            held_out = names[-_fifth(len(names)) :]
            return [name in held_out for name in self.group]
        count = len(self.frames)
        n_validation = _fifth(count)
        gap = max(1, count // 10) if self.gap is None else self.gap
        n_train = max(1, count - n_validation - gap)
        n_neither = count - n_validation - n_train
        return [False] * n_train + [None] * n_neither + [True] * n_validation


def frames_from_file(
    source: str | os.PathLike, charge: int | None = None, spin: int | None = None
) -> Frames:
    """The frames of a file, by trajectory where `trajectory=…` names one.

    Raises:
        InputError: as `ql.read` and `Frames`, or a trajectory named on some frames only.
    """
    frames = list(frames_in(source, charge, spin))
    group = [frame.info.get("trajectory") for frame in frames]
    nameless = group.count(None)
    if 0 < nameless < len(group):
        raise InputError(
            f"{nameless} of {len(group)} frames have no trajectory= in their comment; "
            "expected it on every frame or on none"
        )
    molecules = tuple(frame.molecule for frame in frames)
    return Frames(molecules, None if nameless else tuple(map(str, group)))


@saved_as("md")
@dataclass(frozen=True, eq=False, repr=False)
class Trajectories(Parted):
    """Frames of several trajectories, drawn in random orientations; each is on one side only.

    Args:
        frames: all of them.
        group: number of each frame's trajectory.
        temperature_k: kelvin, of each frame.
        potential, kinetic: energies of each frame, hartree.
        held_out: trajectories kept for validation.

    Raises:
        InputError: too few frames, frames of different molecules, lists of different lengths, or
            a split that leaves one side empty.
    """

    frames: tuple[Molecule, ...]
    group: tuple[int, ...]
    temperature_k: tuple[float, ...]
    potential: tuple[float, ...]
    kinetic: tuple[float, ...]
    held_out: tuple[int, ...]

    def __post_init__(self):
        super().__post_init__()
        columns = (self.group, self.temperature_k, self.potential, self.kinetic)
        if {len(column) for column in columns} != {len(self.frames)}:
            raise InputError(
                f"{len(self.frames)} frames, but columns of {[len(c) for c in columns]} numbers"
            )
        if not self.training or not self.validation:
            raise InputError(
                f"trajectories {sorted(set(self.group))} with {list(self.held_out)} held out; "
                "expected at least one to train on and one to validate with"
            )

    @property
    def _validates(self) -> list[bool | None]:
        return [number in self.held_out for number in self.group]

    def __repr__(self):
        n_held_out = len(set(self.held_out))
        n_train = len(set(self.group)) - n_held_out
        return (
            f"Trajectories({self.molecule.formula}, {len(self.frames)} frames, {n_train} "
            f"trajector{'y' if n_train == 1 else 'ies'} to train on, {n_held_out} to validate with)"
        )

    def save(self, path: str | os.PathLike) -> None:
        """Write an extended .xyz file (ångström) that `Trajectories.read` gives back."""
        mol, columns = self.molecule, (self.group, self.temperature_k, self.potential, self.kinetic)
        text = []
        for frame, group, kelvin, potential, kinetic in zip(self.frames, *columns, strict=True):
            split = VALIDATION if group in self.held_out else TRAIN
            comment = (
                f"trajectory={group} split={split} temperature_k={kelvin!r} "
                f"potential_ha={potential!r} kinetic_ha={kinetic!r} "
                f"charge={mol.charge} spin={mol.spin}"
            )
            text.append(to_xyz(frame, comment))
        replace_file(path, "".join(text).encode())

    @classmethod
    def read(cls, path: str | os.PathLike) -> "Trajectories":
        """The trajectories that `save` wrote.

        Raises:
            MissingFile: no such file.
            InputError: an .xyz file that `save` did not write.
        """
        frames = list(frames_in(path))
        records = [frame.info for frame in frames]
        try:
            group = tuple(int(record["trajectory"]) for record in records)
            out = {n for n, r in zip(group, records, strict=True) if _VALIDATES[r["split"]]}
            temperatures, potential, kinetic = (
                tuple(float(record[key]) for record in records)
                for key in ("temperature_k", "potential_ha", "kinetic_ha")
            )
            records[0]["charge"], records[0]["spin"]  # written there, and read with the atoms
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"{path} was not written by Trajectories.save: {type(error).__name__} {error}"
            ) from None
        return cls(
            tuple(frame.molecule for frame in frames),
            group,
            temperatures,
            potential,
            kinetic,
            tuple(sorted(out)),
        )


def _fifth(count: int) -> int:
    return max(1, count // 5)
