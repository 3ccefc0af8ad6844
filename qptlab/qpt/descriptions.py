"""What files say of networks, samplers and settings, checked before anything is built from it.

Whoever wrote a file may have written anything: numbers that no memory holds, text where numbers
belong, brackets within brackets. What is wrong is one sentence that names the file.
"""

import contextlib
import functools
import json
import math
import numbers
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

import numpy as np

from qptlab.errors import InputError, MissingFile, quoted

Record = TypeVar("Record")
LARGEST_WHOLE = 2**53
"""Whole numbers up to here are floats, too."""
LARGEST_BYTES = 2**30
"""Of settings and of a history: more is none of ours, and would fill the memory."""


def read_small(path: Path) -> bytes:
    """The content of a file.

    Raises:
        InputError: one of more than `LARGEST_BYTES`.
        OSError: one that cannot be read.
    """
    with path.open("rb") as file:
        content = file.read(LARGEST_BYTES + 1)
    if len(content) > LARGEST_BYTES:
        raise InputError(f"{path.name} has more than {LARGEST_BYTES:,} bytes")
    return content


@contextlib.contextmanager
def as_input_error(message: str) -> Iterator[None]:
    """What a damaged description raises, in one sentence that begins with `message`."""
    try:
        yield
    except MissingFile:
        raise
    except InputError as error:
        raise InputError(f"{message}: {error}") from None
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise InputError(f"{message}: {type(error).__name__} {error}") from None
    except RecursionError:
        raise InputError(f"{message}: it is nested too deeply") from None


def parsed(content: str | bytes) -> dict[str, Any]:
    """The JSON object of a text.

    Raises:
        InputError: no JSON, JSON of something else, or nested too deeply.
    """
    try:
        found = json.loads(content)
    except RecursionError:
        raise InputError("it is nested too deeply") from None
    except ValueError as error:
        raise InputError(f"it is no JSON: {error}") from None
    return an_object(found, "it")


def an_object(found: object, what: str) -> dict[str, Any]:
    """The same, if it is a JSON object; `what` says of what it is one."""
    if not isinstance(found, dict):
        raise InputError(f"expected {what} to be a JSON object; got {quoted(found)}")
    return found


def built(cls: type[Record], record: object, what: str, finite: bool = True) -> Record:
    """A dataclass from a JSON object that has its fields.

    Args:
        what: it is called in errors.
        finite: whether its numbers must be.

    Raises:
        InputError: a field that is missing, unknown or of another type, or what `cls` refuses.
    """
    known = _fields(cls)
    given = an_object(record, what)
    if unknown := sorted(given.keys() - known.keys()):
        raise InputError(f"{what} has no {quoted(unknown[0])}; known: {', '.join(known)}")
    for name, field in known.items():
        if name in given:
            check_type(name, given[name], field.type, finite)
        elif field.default is MISSING and field.default_factory is MISSING:
            raise InputError(f"{what} lacks {name}")
    tuples = {name for name in given if get_origin(known[name].type) is tuple}
    return cls(**{k: tuple(value) if k in tuples else value for k, value in given.items()})


@functools.cache  # a history has a record in each line
def _fields(cls: type) -> dict[str, Field]:
    return {field.name: field for field in fields(cls) if field.init}


def check_type(name: str, value: object, annotation: object, finite: bool = True) -> None:
    """Raise `InputError` for a value that a field with this annotation cannot have."""
    if not _fits(value, annotation, finite):
        expected = getattr(annotation, "__name__", str(annotation))
        raise InputError(f"{name} is {quoted(value)}; expected {expected}")


def is_whole(value: object, least: int, most: int = LARGEST_WHOLE) -> bool:
    """Whether it is a whole number between these."""
    return isinstance(value, numbers.Integral) and not _truth(value) and least <= value <= most


def is_number(value: object) -> bool:
    """Whether it is a finite number."""
    try:
        return isinstance(value, numbers.Real) and not _truth(value) and math.isfinite(value)
    except OverflowError:  # a whole number of hundreds of digits
        return False


def _fits(value: object, annotation: object, finite: bool) -> bool:
    if annotation is float:
        return is_number(value) or (not finite and isinstance(value, float))
    if annotation is int:
        return is_whole(value, -LARGEST_WHOLE)
    origin, inside = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return any(_fits(value, one, finite) for one in inside)
    if origin is tuple:  # of any length
        is_tuple = isinstance(value, tuple | list)
        return is_tuple and all(_fits(item, inside[0], finite) for item in value)
    if origin is dict:
        pairs = value.items() if isinstance(value, dict) else [(None, None)]
        return all(_fits(k, inside[0], finite) and _fits(v, inside[1], finite) for k, v in pairs)
    if np.ndarray in (annotation, getattr(annotation, "array_type", None)):
        array = np.asarray(value)
        return array.dtype.kind in "fiu" and bool(np.isfinite(array).all())
    return isinstance(value, NoneType if annotation is None else annotation)


def _truth(value: object) -> bool:
    return isinstance(value, bool | np.bool_)
