"""What every network is: the interface that training, run folders and predictions go through."""

import abc
import importlib
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, ClassVar, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
from ase.data import chemical_symbols
from jaxtyping import Array

from qptlab.dft.integrals import check_input
from qptlab.errors import InputError, quoted
from qptlab.molecule import Molecule
from qptlab.qpt.descriptions import an_object, built, check_type
from qptlab.qpt.prepared import NetworkInputs
from qptlab.qpt.xc_response import XcResponse
from qptlab.theory import Theory, parse_theory
from qptlab.types import Matrix

ADAM_LR, MUON_LR = 2e-3, 6e-3
"""Learning rates that usually suit; see `Network.optimiser`."""
KNOWN = frozenset(chemical_symbols[1:])
"""Elements."""
SINGLE = jnp.float32
"""Of weights and of everything between a network's input and ΔF."""


class Network(eqx.Module):
    """Predicts ΔF, the correction to the screened first Fock matrix, from `NetworkInputs`.

    Attributes:
        theory: level of theory it was made for.
        made_for: elements it knows, sorted.
        kind: the name it is registered by.
        optimiser: "adam", or "muon" for a network of a few small matrices, where it learns more
            from each step; its cost grows as the cube of their width.
        usual_lr: learning rate where none is asked for; one optimiser's is not another's.
    """

    theory: eqx.AbstractVar[Theory]
    made_for: eqx.AbstractVar[tuple[str, ...]]
    kind: ClassVar[str]
    optimiser: ClassVar[str] = "adam"
    usual_lr: ClassVar[float] = ADAM_LR

    @abc.abstractmethod
    def __call__(self, inputs: NetworkInputs) -> Matrix:
        """ΔF (ao, ao), symmetric, hartree, float64, to be added to `inputs.start`."""

    def xc_response(self, inputs: NetworkInputs) -> XcResponse | None:
        """How exchange and correlation respond to a change of density, for refining iterations.

        None, as here: they do so at the next Fock build, and only repulsion before.
        """
        return None

    def with_response_net(self, seed: int = 0) -> "Network":
        """Itself, with weights for the response, untrained where there were none.

        Raises:
            InputError: a class without, as here.
        """
        raise InputError(f"{type(self).__name__} has no response to train")

    @abc.abstractmethod
    def describe(self) -> dict[str, Any]:
        """What `from_description` needs besides theory and elements, as JSON values."""

    @classmethod
    @abc.abstractmethod
    def from_description(
        cls, described: dict[str, Any], theory: Theory, elements: tuple[str, ...]
    ) -> "Network":
        """A network of the described shape; its weights are about to be read from a file.

        Files are read through `qptlab.qpt.descriptions.outline`: there no weight has a value.
        """

    @property
    def n_parameters(self) -> int:
        """Number of weights."""
        weights = jax.tree.leaves(eqx.filter(self, eqx.is_inexact_array))
        return sum(leaf.size for leaf in weights)

    def check(self, molecule: Molecule) -> None:
        """Raise `InputError` for unpaired electrons, elements this network never met, or what its
        theory cannot compute."""
        check_closed_shell(molecule)
        unknown = sorted(set(molecule.symbols) - set(self.made_for))
        if unknown:
            raise InputError(
                f"this network was made for {', '.join(self.made_for)}; "
                f"{molecule.formula} also has {', '.join(unknown)}"
            )
        check_input(molecule, self.theory)

    def __repr__(self):
        count = self.n_parameters
        weights = f"{count / 1e6:.1f} M" if count >= 1e6 else f"{count / 1e3:.0f} k"
        elements = " ".join(self.made_for)
        return f"{type(self).__name__}({self.theory}, elements {elements}, {weights} weights)"


AnyNetwork = TypeVar("AnyNetwork", bound=type[Network])
AnyLayer = TypeVar("AnyLayer", bound=eqx.Module)
Carry = TypeVar("Carry")

_MODULES = {"block": "qptlab.qpt.networks.block", "paper": "qptlab.qpt.networks.paper"}
"""Where our own kinds are registered: imported when first asked for."""
_CLASSES: dict[str, type[Network]] = {}


def register(kind: str) -> Callable[[AnyNetwork], AnyNetwork]:
    """Make a class of networks known by the name that run folders give it.

    From when its file is imported it can be trained, saved, resumed, loaded and predicted with.

    Raises:
        InputError: another class has the name.
    """

    def keep(cls: AnyNetwork) -> AnyNetwork:
        taken = _MODULES.get(kind, cls.__module__) != cls.__module__
        known = _CLASSES.get(kind, cls)
        # run again, as in a notebook, a cell replaces its own class
        if taken or (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
            raise InputError(f"the kind of network {quoted(kind)} is taken; choose another name")
        cls.kind = kind
        _CLASSES[kind] = cls
        return cls

    return keep


def to_json(network: Network) -> dict[str, Any]:
    """All of a network but its weights.

    Raises:
        InputError: a class that is not registered.
    """
    kind = getattr(network, "kind", None)
    if _CLASSES.get(kind) is not type(network):
        name = type(network).__name__
        raise InputError(f'{name} cannot be written: put @register("a name") above its class')
    return {
        "kind": kind,
        "theory": asdict(network.theory),
        "elements": list(network.made_for),
        **network.describe(),
    }


def from_json(record: object) -> Network:
    """The network that `to_json` described, its weights arbitrary.

    Raises:
        InputError: a kind that is not registered, or a description that no network has.
    """
    kind = an_object(record, "the description of a network").get("kind")
    check_type("kind", kind, str)
    if kind in _MODULES:
        importlib.import_module(_MODULES[kind])
    if kind not in _CLASSES:
        known = ", ".join(sorted({*_MODULES, *_CLASSES}))
        raise InputError(
            f"unknown kind of network {quoted(kind)}; known: {known} "
            "(import the file that registers it first)"
        )
    theory, elements = built(Theory, record.get("theory"), "theory"), record.get("elements")
    if not isinstance(elements, list) or not elements or not set(map(str, elements)) <= KNOWN:
        raise InputError(f"elements are {quoted(elements)}; expected a list such as H, O")
    elements = tuple(elements)
    return _CLASSES[kind].from_description(record, theory, elements)


def checked(
    molecules: Molecule | Sequence[Molecule], theory: str | Theory
) -> tuple[Theory, tuple[str, ...]]:
    """The theory and the elements of a new network for a molecule or for several.

    Raises:
        InputError: no molecule, a molecule and theory that cannot be computed, or unpaired
            electrons.
    """
    theory = parse_theory(theory)
    several = [molecules] if isinstance(molecules, Molecule) else list(molecules)
    if not several:
        raise InputError("a network needs at least one molecule to be made for; got none")
    for molecule in several:
        check_closed_shell(molecule)
        check_input(molecule, theory)
    return theory, tuple(sorted({symbol for mol in several for symbol in mol.symbols}))


def rows(module: Callable[[Array], Array], x: Array) -> Array:
    """Apply a module that takes one vector to every vector along the last axis."""
    vectors = x.reshape(-1, x.shape[-1])
    return jax.vmap(module)(vectors).reshape(*x.shape[:-1], -1)


def run_layers(stacked: AnyLayer, carry: Carry, call: Callable[[AnyLayer, Carry], Carry]) -> Carry:
    """carry = call(layer, carry) for each layer of a stack along a leading axis, compiled once."""
    arrays, static = eqx.partition(stacked, eqx.is_array)

    def apply(carry, layer):
        return call(eqx.combine(layer, static), carry), None

    return jax.lax.scan(apply, carry, arrays)[0]


def check_closed_shell(molecule: Molecule) -> None:
    """Raise `InputError` for unpaired electrons: the network's matrices have no spin."""
    n, spin = molecule.n_electrons, molecule.spin
    if spin or n % 2:
        what = f"spin {spin}" if spin else f"charge {molecule.charge} has {n} electrons: it"
        advice = "" if spin else f" with spin={n % 2}"
        raise InputError(
            f"networks are for closed shells only; {molecule.formula} with {what} "
            f"takes an SCF: ql.scf, or qptlab energy{advice}"
        )
