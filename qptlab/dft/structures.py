"""What a tree of arrays is made of, as text: to know it again in another process.

A structure is JSON: arrays are places with a shape, records go by where their class is and what
their fields hold. Nothing is ever run from such a text, and only classes and functions of `KNOWN`
packages are found by their names. What has no such text is `Unknown`: lambdas, classes of others.
"""

import contextlib
import dataclasses
import importlib
import sys
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import numpy as np

from qptlab.errors import InputError

KNOWN = frozenset({"qptlab", "equinox", "jax", "optax"})
"""Packages; the programs of one version of them all are kept together."""


class Unknown(InputError):
    """A tree that holds what no text can name."""


def is_array(leaf: object) -> bool:
    """Whether it is an array, of the device or of the host, or what stands for one."""
    others = np.ndarray | np.generic | jax.ShapeDtypeStruct
    return eqx.is_array(leaf) or isinstance(leaf, others)


def described(tree: Any, place: Callable[[Any], Any]) -> Any:
    """The structure of a tree, in JSON's own types.

    Args:
        place: what is said of an array, in JSON's own types.

    Raises:
        Unknown: something that cannot be named.
    """

    def inside(values) -> list:
        return [described(value, place) for value in values]

    if tree is None or isinstance(tree, bool | int | float | str):
        return {"value": tree}
    if is_array(tree):
        return {"array": place(tree)}
    if isinstance(tree, dict) and all(isinstance(key, str) for key in tree):
        return {"dict": {key: described(value, place) for key, value in tree.items()}}
    if type(tree) in (tuple, list):
        return {type(tree).__name__: inside(tree)}
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return {"named tuple": _name(type(tree)), "items": inside(tree)}
    if dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        names = [field.name for field in dataclasses.fields(tree)]
        held = {name: getattr(tree, name) for name in names if hasattr(tree, name)}
        fields = {name: described(value, place) for name, value in held.items()}
        return {"record": _name(type(tree)), "fields": fields}
    return {"object": _name(tree)}


def rebuilt(structure: dict, leaf: Callable[[Any], Any]) -> Any:
    """The tree that `described` told of.

    Args:
        leaf: what stands where an array was, from what was said of it.

    Raises:
        Unknown, LookupError, TypeError, ValueError: no such structure.
    """
    (kind, value), *rest = structure.items()
    if kind == "value":
        return value
    if kind == "array":
        return leaf(value)
    if kind == "dict":
        return {key: rebuilt(inner, leaf) for key, inner in value.items()}
    if kind in ("tuple", "list"):
        return {"tuple": tuple, "list": list}[kind](rebuilt(inner, leaf) for inner in value)
    found = named(value)
    if kind == "object":
        return found
    if not isinstance(found, type):
        raise Unknown(f"{value} is no class")
    ((_, inside),) = rest
    if kind == "named tuple":
        return found(*(rebuilt(inner, leaf) for inner in inside))
    # as pickle and equinox do: a record that exists was checked when it was made
    record = object.__new__(found)
    for name, inner in inside.items():
        object.__setattr__(record, name, rebuilt(inner, leaf))
    return record


def _name(thing: Any) -> str:
    """module:name, from which `named` finds the thing again."""
    module = getattr(thing, "__module__", None)
    held = vars(sys.modules[module]).items() if module in sys.modules else ()
    # a lambda may have been given a name, which it does not know
    others = (name for name, value in held if value is thing)
    for name in (getattr(thing, "__qualname__", None), *others):
        text = f"{module}:{name}"
        with contextlib.suppress(Unknown, AttributeError, ImportError):
            if named(text) is thing:
                return text
    raise Unknown(f"{module}:{getattr(thing, '__qualname__', thing)} cannot be named")


def named(text: str) -> Any:
    """What is called module:name.

    Raises:
        Unknown: of none of the `KNOWN` packages.
        AttributeError, ImportError: nothing is.
    """
    module, _, name = text.partition(":")
    if module.partition(".")[0] not in KNOWN:
        raise Unknown(f"{module} is none of {', '.join(sorted(KNOWN))}")
    found = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found
