"""Programs kept between processes as they are handed to the compiler.

JAX keeps compiled code, but traces and lowers every program anew in every process to find it, which
takes longer than most predictions. Here what lowering gives is kept too (`jax.export`), in files
beside the compiled code; so a molecule whose shapes were met before costs neither.

A file belongs to one version of everything that a program is made from. It may be deleted at any
time; a damaged one, or one that is not ours, counts as none.
"""

import contextlib
import functools
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax import export
from jaxtyping import Array

from qptlab.dft.structures import KNOWN, Unknown, described, is_array, named, rebuilt

LARGEST_BYTES = 2**29
"""Of all files together; those that were not used for the longest time go first."""
ENDING = ".program"
_registries: list[tuple[dict, dict]] = []


def named_by_programs(registry: dict[str, Any]) -> None:
    """Say that programs know the entries of a registry by their names alone.

    What a name stands for is part of qptlab's version. Once anybody changes or adds an entry, no
    program is kept or taken from a file any more in this process.
    """
    _registries.append((registry, dict(registry)))


def _as_imported(registry: dict, before: dict) -> bool:
    same = (registry[name] is before.get(name) for name in registry)
    return len(registry) == len(before) and all(same)


@dataclass(frozen=True, eq=False)
class Program:
    """A program without its arrays.

    Attributes:
        lowered: takes the arrays among its arguments, and gives those of its result that are new.
        result: structure of the result. Places are numbers: of a new array, from 0 on, or of an
            array among the arguments, from −1 downwards, that is passed on.
    """

    lowered: export.Exported
    result: dict

    def compiled(self, options: dict[str, Any]) -> Callable[[Sequence[Array | np.ndarray]], Any]:
        """Arrays → result, compiled for the device."""
        shapes = [jax.ShapeDtypeStruct(a.shape, a.dtype) for a in self.lowered.in_avals]
        run = jax.jit(self.lowered.call).lower(*shapes).compile(options)
        places, tree = jax.tree.flatten(rebuilt(self.result, _Place))

        def call(arrays: Sequence[Array | np.ndarray]) -> Any:
            new = run(*arrays)

            def value(leaf):
                if not isinstance(leaf, _Place):
                    return leaf
                return new[leaf.number] if leaf.number >= 0 else arrays[-1 - leaf.number]

            return jax.tree.unflatten(tree, map(value, places))

        return call


@dataclass(frozen=True)
class _Place:
    number: int


def program(function: Callable, args: tuple, kwargs: dict) -> Program | None:
    """The program of a function for arguments of these shapes, from its file or a new one.

    None where it cannot be kept: where the function or an argument has no name (`structures`),
    a registry was changed (`named_by_programs`), or compiled code is not to be kept either.

    Args:
        function: of a module of qptlab.
        args, kwargs: arrays are what the program will take, all else is part of it.
    """
    place = _folder()
    if place is None or not all(_as_imported(*pair) for pair in _registries):
        return None
    try:
        name, structure = _name_of(function), described((args, kwargs), _shape)
    except Unknown:
        return None
    told = json.dumps([_versions(), name, structure], sort_keys=True)
    path = place / f"{hashlib.sha256(told.encode()).hexdigest()}{ENDING}"
    found = _read(path)
    if found is None:
        try:
            found = _lowered(function, args, kwargs)
        except (ValueError, NotImplementedError):  # JAX does not export everything on every device
            return None
        with contextlib.suppress(OSError):  # a full disk costs time, no result
            _write(path, found)
    return found


def _name_of(function: Callable) -> str:
    """module:name of a function, which there may be wrapped, as by `jit`."""
    text = f"{function.__module__}:{getattr(function, '__qualname__', None)}"
    try:
        found = named(text)
    except (AttributeError, ImportError) as error:
        raise Unknown(f"{text} cannot be named") from error
    if function not in (found, getattr(found, "__wrapped__", None)):
        raise Unknown(f"{text} is another function")
    return text


def _lowered(function: Callable, args: tuple, kwargs: dict) -> Program:
    leaves, tree = jax.tree.flatten((args, kwargs))
    arrays = [leaf for leaf in leaves if is_array(leaf)]
    result = {}

    def flat(*traced: Array) -> list[Array]:
        given = iter(traced)
        args, kwargs = jax.tree.unflatten(
            tree, [next(given) if is_array(leaf) else leaf for leaf in leaves]
        )
        known, new = {id(array): -1 - i for i, array in enumerate(traced)}, []

        def number(array: Array) -> int:
            if id(array) in known:
                return known[id(array)]
            new.append(array)
            return len(new) - 1

        result.update(described(function(*args, **kwargs), number))
        return new

    lowered = export.export(jax.jit(flat))(*arrays)
    return Program(lowered, result)


def _shape(array: Array | np.ndarray | np.generic | jax.ShapeDtypeStruct) -> list:
    return [list(array.shape), str(array.dtype)]


def _folder() -> Path | None:
    """Where programs are kept: beside the compiled code, unless that is on another machine."""
    compiled = jax.config.jax_compilation_cache_dir
    if not (compiled and jax.config.jax_enable_compilation_cache) or "://" in compiled:
        return None
    return Path(compiled) / "programs"


@functools.cache
def _versions() -> list[str]:
    """All that programs depend on besides their arguments."""
    device = jax.devices()[0]
    ours = hashlib.sha256()
    for path in sorted(Path(str(resources.files("qptlab"))).rglob("*.py")):
        ours.update(path.read_bytes())
    packages = [f"{name} {version(name)}" for name in sorted({*KNOWN, "jaxlib"} - {"qptlab"})]
    settings = [jax.config.jax_enable_x64, jax.config.jax_default_matmul_precision]
    return [*packages, ours.hexdigest(), device.platform, device.device_kind, *map(str, settings)]


def _read(path: Path) -> Program | None:
    """The program in a file; None where there is none, or a damaged one."""
    try:
        content = path.read_bytes()
        checksum, result, lowered = content.split(b"\n", 2)
        if checksum != _checksum(result + lowered):
            return None
        found = Program(export.deserialize(bytearray(lowered)), json.loads(result))
        os.utime(path)  # used now
    except Exception:  # whatever a damaged file, or one of another version, may raise
        return None
    return found


def _write(path: Path, found: Program) -> None:
    """Write a file whole: two processes may write the same."""
    path.parent.mkdir(parents=True, exist_ok=True)
    result, lowered = json.dumps(found.result).encode(), bytes(found.lowered.serialize())
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as partial:
        try:
            partial.write(b"\n".join([_checksum(result + lowered), result, lowered]))
            partial.close()
            os.replace(partial.name, path)
        except BaseException:
            Path(partial.name).unlink(missing_ok=True)
            raise
    _make_room(path.parent)


def _make_room(folder: Path) -> None:
    """Delete what was not used for the longest time."""
    files = [(path, path.stat()) for path in folder.glob(f"*{ENDING}")]
    total = 0
    for path, stat in sorted(files, key=lambda file: file[1].st_mtime, reverse=True):
        total += stat.st_size
        if total > LARGEST_BYTES:
            path.unlink(missing_ok=True)


def _checksum(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()
