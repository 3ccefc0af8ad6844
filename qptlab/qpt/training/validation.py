"""How good a network is on geometries it never trains on, and where the baselines stand."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from qptlab.dft.compiling import jit
from qptlab.dft.integrals import use_one_thread
from qptlab.dft.scf import scf
from qptlab.errors import InputError, NotConverged
from qptlab.molecule import Molecule
from qptlab.qpt.networks.base import Network
from qptlab.qpt.pipeline import diis_energies, no_network, propose, refine
from qptlab.qpt.prepared import Prepared, prepare
from qptlab.qpt.sampling import VALIDATION, Sampler
from qptlab.theory import Theory

ReferenceEnergy = Callable[[Molecule, Theory], float]

EXPECTED = (ValueError, NotConverged)
"""What a geometry is left out for; a user's own reference may raise a plain ValueError."""

_propose = jit(propose)
_refine = jit(refine)
_diis = jit(diis_energies)


def converged_energy(molecule: Molecule, theory: Theory) -> float:
    """Energy of our own converged SCF, hartree; it agrees with PySCF to 1e-8.

    Raises:
        NotConverged: the SCF does not converge.
    """
    result = scf(molecule, theory)
    if not result.converged:
        raise NotConverged(f"no reference energy: {result.message}")
    return float(result.energy.total)


def baseline_energies(prepared: Prepared, iterations: int) -> dict[str, np.ndarray]:
    """Energies (refine + 1,) in hartree of "plain" (no network) and "diis" at equal builds."""
    nothing = no_network(prepared.inputs)
    return {
        "plain": np.asarray(_refine(nothing, prepared, iterations).energies),
        "diis": np.asarray(_diis(prepared.integrals, iterations + 1)),
    }


@dataclass(frozen=True, eq=False)
class Point:
    """A validation geometry, its reference energy (hartree), and the baselines' energies."""

    prepared: Prepared
    reference: float
    baselines: dict[str, np.ndarray]


class Errors(NamedTuple):
    """Absolute energy errors over geometries, hartree: {refining iterations: error} each."""

    mean: dict[int, float]
    median: dict[int, float]


class Validation:
    """Validation geometries, prepared one after the other in a background thread.

    It waits for `begin`: what it compiles would hold up the first training step. Errors are over
    the geometries that are ready, so that the first one comes soon. A geometry that cannot be
    computed, or whose reference does not converge, is left out and named in `left_out`, and another
    taken instead.

    Args:
        iterations: refining iterations up to which errors are reported.
        reference: (molecule, theory) → converged energy in hartree.

    Attributes:
        points: the geometries that are ready.
        left_out: which geometries and why, one sentence each.
    """

    def __init__(
        self,
        sampler: Sampler,
        theory: Theory,
        *,
        count: int,
        iterations: int,
        seed: int,
        reference: ReferenceEnergy = converged_energy,
    ):
        self._sampler, self._theory, self._reference = sampler, theory, reference
        self._count, self._iterations, self._seed = count, iterations, seed
        self.points: tuple[Point, ...] = ()
        self.left_out: tuple[str, ...] = ()
        self._failure: Exception | None = None  # the last reason; a defect of ours is the only one
        self._changed, self._closed = threading.Condition(), False
        self._begun = threading.Event()
        threading.Thread(target=self._prepare_all, name="qptlab-validation", daemon=True).start()

    @property
    def complete(self) -> bool:
        """Whether every geometry is ready."""
        return len(self.points) == self._count

    @property
    def baselines_ha(self) -> dict[str, Errors] | None:
        """Absolute energy errors of "plain" and "diis" by refining iterations.

        At each number of refining iterations all have spent the same number of Fock builds. None
        until a geometry is ready.
        """
        points = self.points
        if not points:
            return None
        names, references = points[0].baselines, [point.reference for point in points]
        return {name: _errors(references, [p.baselines[name] for p in points]) for name in names}

    def errors(self, network: Network) -> Errors | None:
        """Absolute energy errors of a network; None until a geometry is ready."""
        points = self.points
        if not points:
            return None
        # compiled apart from the network: the plain baseline runs the same code
        energies = []
        for prepared in (point.prepared for point in points):
            proposal = _propose(network, prepared.inputs)
            energies.append(_refine(proposal, prepared, self._iterations).energies)
        return _errors([point.reference for point in points], energies)

    def wait(self, count: int | None = None) -> None:
        """Wait until `count` geometries (all by default) are ready.

        Raises:
            InputError, NotConverged: no geometry could be prepared, for the reason of the last one.
        """
        wanted = self._count if count is None else min(count, self._count)
        with self._changed:
            self._changed.wait_for(lambda: len(self.points) >= wanted or self._closed)
        failure = self._failure
        if failure is None or (self.points and isinstance(failure, EXPECTED)):
            return
        if not isinstance(failure, EXPECTED):
            raise failure
        kind = NotConverged if isinstance(failure, NotConverged) else InputError
        raise kind(f"no validation geometry could be prepared: {failure}")

    def begin(self) -> None:
        """Prepare geometries from now on."""
        self._begun.set()

    def close(self) -> None:
        """Prepare no more geometries after the one under way."""
        self._closed = True
        self._begun.set()

    def _prepare_all(self) -> None:
        self._begun.wait()
        use_one_thread()
        for index in range(2 * self._count):
            if self._closed or self.complete:
                break
            try:
                molecule = self._sampler(VALIDATION, self._seed, index)
                prepared = prepare(molecule, self._theory)
                energy = self._reference(molecule, self._theory)
                baselines = baseline_energies(prepared, self._iterations)
            except EXPECTED as error:
                self._failure = error
                self.left_out += (f"validation geometry {index}: {error}",)
                continue
            except Exception as error:  # raised by `wait`: a thread has nobody to raise to
                self._failure = error
                break
            with self._changed:
                self.points += (Point(prepared, energy, baselines),)
                self._changed.notify_all()
        with self._changed:
            self._closed = True
            self._changed.notify_all()


def _errors(references: list[float], energies: list) -> Errors:
    rows = np.stack([np.asarray(row) for row in energies])
    errors = np.abs(rows - np.array(references)[:, None])
    means, medians = errors.mean(axis=0).tolist(), np.median(errors, axis=0).tolist()
    return Errors(dict(enumerate(means)), dict(enumerate(medians)))
