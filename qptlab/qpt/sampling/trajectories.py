"""Frames of molecular dynamics, grouped by trajectory."""

import os
from dataclasses import dataclass
from pathlib import Path

from ase.io.extxyz import key_val_str_to_dict

from qptlab.errors import InputError
from qptlab.molecule import Molecule, commented_frames_from_xyz, to_xyz
from qptlab.qpt.sampling.base import molecule_from_json, molecule_json, saved_as
from qptlab.qpt.sampling.frames import Parted, check_frames, parted

_HELD_OUT = {"train": False, "validation": True}


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
        check_frames(self.frames)
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
    def _split(self) -> tuple[tuple[Molecule, ...], tuple[Molecule, ...]]:
        return parted(self.frames, [number in self.held_out for number in self.group])

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
            split = "validation" if group in self.held_out else "train"
            comment = (
                f"trajectory={group} split={split} temperature_k={kelvin!r} "
                f"potential_ha={potential!r} kinetic_ha={kinetic!r} "
                f"charge={mol.charge} spin={mol.spin}"
            )
            text.append(to_xyz(frame, comment))
        Path(path).write_text("".join(text), encoding="utf-8")

    @classmethod
    def read(cls, path: str | os.PathLike) -> "Trajectories":
        """The trajectories that `save` wrote.

        Raises:
            MissingFile: no such file.
            InputError: an .xyz file that `save` did not write.
        """
        comments, frames = zip(*commented_frames_from_xyz(path), strict=True)
        records = [key_val_str_to_dict(comment) for comment in comments]
        try:
            group = tuple(int(record["trajectory"]) for record in records)
            out = {n for n, r in zip(group, records, strict=True) if _HELD_OUT[r["split"]]}
            temperatures, potential, kinetic = (
                tuple(float(record[key]) for record in records)
                for key in ("temperature_k", "potential_ha", "kinetic_ha")
            )
            charge, spin = int(records[0]["charge"]), int(records[0]["spin"])
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"{path} was not written by Trajectories.save: {type(error).__name__} {error}"
            ) from None
        geometries = tuple(Molecule(f.symbols, f.positions, charge, spin) for f in frames)
        return cls(geometries, group, temperatures, potential, kinetic, tuple(sorted(out)))

    def to_json(self) -> dict:
        """See `SavedSampler`."""
        return {
            "frames": [molecule_json(frame) for frame in self.frames],
            "group": self.group,
            "temperature_k": self.temperature_k,
            "potential": self.potential,
            "kinetic": self.kinetic,
            "held_out": self.held_out,
        }

    @classmethod
    def from_json(cls, record: dict) -> "Trajectories":
        """See `SavedSampler`."""
        columns = ("group", "temperature_k", "potential", "kinetic", "held_out")
        frames = tuple(molecule_from_json(frame) for frame in record["frames"])
        return cls(frames, *(tuple(record[name]) for name in columns))
