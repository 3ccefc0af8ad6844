"""What every sampler is, and how run folders write and rebuild it."""

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import fields
from typing import Protocol, TypeVar, runtime_checkable

import numpy as np
from scipy.spatial.transform import Rotation

from qptlab.errors import InputError, quoted
from qptlab.molecule import Molecule
from qptlab.qpt.descriptions import an_object, built, check_type

TRAIN, VALIDATION = "train", "validation"
_STREAM = {TRAIN: 0, VALIDATION: 1}
_TRIES = 100


@runtime_checkable
class Sampler(Protocol):
    """Gives geometry number `index` of a split; the same arguments give the same geometry."""

    molecule: Molecule

    def __call__(self, split: str, seed: int, index: int) -> Molecule:
        """A geometry for "train" or "validation"; the two never share one."""


def molecules(sampler: Sampler, split: str) -> tuple[Molecule, ...]:
    """The molecules whose geometries a split consists of; one, unless the sampler is a mixture."""
    several = getattr(sampler, "molecules", None)
    return (sampler.molecule,) if several is None else several(split)


def different(geometries: Iterable[Molecule]) -> set[tuple]:
    """One entry for each different molecule; frames of one molecule have one."""
    return {(molecule.symbols, molecule.charge) for molecule in geometries}


_KINDS: dict[str, tuple[type[Sampler], dict[str, object]]] = {}
Kind = TypeVar("Kind", bound=type)


def saved_as(kind: str, **left_out: object) -> Callable[[Kind], Kind]:
    """Class decorator: run folders hold the fields of the sampler, a dataclass, under this kind.

    Args:
        left_out: fields that older run folders do not have, and what these meant.
    """

    def register(cls: Kind) -> Kind:
        cls.kind = kind
        _KINDS[kind] = cls, left_out
        return cls

    return register


def sampler_json(sampler: Sampler) -> dict:
    """A sampler in JSON's own types.

    Raises:
        InputError: a sampler of a class that is not registered by `saved_as`.
    """
    kind = getattr(sampler, "kind", None)
    if kind not in _KINDS:
        raise InputError(
            f"a run folder cannot hold a {type(sampler).__name__}; known samplers: "
            f"{', '.join(sorted(_KINDS))}"
        )
    return {"kind": kind, **_fields_json(sampler)}


def sampler_from_json(record: object) -> Sampler:
    """The sampler that `sampler_json` wrote.

    Raises:
        InputError: an unknown kind, or a description with something missing or of another type.
    """
    kind = an_object(record, "the description of a sampler").get("kind")
    if kind not in tuple(_KINDS):
        raise InputError(f"unknown sampler {quoted(kind)}; known: {', '.join(sorted(_KINDS))}")
    cls, left_out = _KINDS[kind]
    known, values = {**left_out, **record}, {}
    for field in fields(cls):
        if field.name not in known:
            raise InputError(f"the description of a {kind} sampler lacks {field.name}")
        values[field.name] = _value(known[field.name], field.type)
        check_type(field.name, values[field.name], field.type)
    return cls(**values)


def _fields_json(record: Sampler | Molecule) -> dict:
    return {field.name: _json(getattr(record, field.name)) for field in fields(record)}


def _json(value: object) -> object:
    """What a field holds, in JSON's own types: molecules and samplers by their fields."""
    if isinstance(value, Molecule):
        return _fields_json(value)
    if isinstance(value, Sampler):
        return sampler_json(value)
    if isinstance(value, np.ndarray):
        return value.tolist()
    return list(map(_json, value)) if isinstance(value, tuple) else value


def _value(record: object, annotation: object = None) -> object:
    """The inverse of `_json`, for a field with this annotation."""
    if getattr(annotation, "array_type", None) is np.ndarray:
        return np.array(record)
    if isinstance(record, dict):
        return (
            sampler_from_json(record) if "kind" in record else built(Molecule, record, "a molecule")
        )
    return tuple(map(_value, record)) if isinstance(record, list) else record


def generator(split: str, seed: int, index: int) -> np.random.Generator:
    """Random numbers that belong to one geometry and to no other.

    Raises:
        InputError: an unknown split.
    """
    if split not in _STREAM:
        raise InputError(f"unknown split {quoted(split)}; known: {', '.join(_STREAM)}")
    return np.random.default_rng([seed, _STREAM[split], index])


def turned(molecule: Molecule, rng: np.random.Generator) -> Molecule:
    """The molecule in a random orientation, all equally likely."""
    rotation = Rotation.random(rng=rng).as_matrix()
    return molecule.with_positions(molecule.positions @ rotation.T)


def displaced(
    molecule: Molecule, draw: Callable[[], np.ndarray], rng: np.random.Generator, what: str
) -> Molecule:
    """The molecule moved by `draw()` (atom, 3) bohr and turned; atoms never on each other.

    Raises:
        InputError: no draw of many keeps the atoms apart; `what` says which width was asked for.
    """
    for _ in range(_TRIES):
        moved = molecule.positions + draw()
        with contextlib.suppress(ValueError):  # atoms on top of each other: draw again
            return turned(molecule.with_positions(moved), rng)
    raise InputError(f"{what} puts atoms of {molecule} on each other")
