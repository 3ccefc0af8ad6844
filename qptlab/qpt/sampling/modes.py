"""Harmonic vibrations at a temperature."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from ase.data import atomic_masses
from jaxtyping import Float
from scipy.linalg import null_space

from qptlab.dft.surface import Surface, SurfaceCalculator, ase_atoms, from_ase, scf_surface
from qptlab.errors import InputError, quoted
from qptlab.molecule import Molecule
from qptlab.qpt.sampling.base import TRAIN, displaced, generator, saved_as
from qptlab.theory import Theory, parse_theory
from qptlab.units import (
    ANGSTROM_PER_BOHR,
    ELECTRON_MASS_PER_DALTON,
    EV_PER_HARTREE,
    HARTREE_PER_KELVIN,
    WAVENUMBER_PER_HARTREE,
)

STEP = 0.01
"""Displacement of the finite differences, bohr."""
FORCE_TOL = 3e-5
"""Largest force (hartree/bohr) left on an atom by the optimisation."""
MAX_OPTIMISER_STEPS = 200
LINEAR = 1e-2
"""A molecule is linear where √(smallest/largest moment of inertia) is below this."""

Progress = Callable[[str], None]


@saved_as("modes")
@dataclass(frozen=True, eq=False)
class NormalModes:
    """Every normal mode displaced as its harmonic oscillator is at a temperature, then turned.

    Coordinates are normally distributed with variance ħ/(2ω) coth(ħω/2kT), zero point included,
    or kT/ω² where `classical`.

    Args:
        molecule: at the minimum of its energy.
        frequencies: (mode,), ħω in hartree, lowest first.
        modes: (mode, atom, 3); bohr per unit of the mass-weighted coordinate, 1/√(electron mass).
        temperature_k, validation_temperature_k, classical: as `normal_modes`.

    Source: Wilson, Decius, Cross, Molecular Vibrations (1955), ch. 2; Feynman, Statistical
    Mechanics (1972), eq. 2.83 for the variance.
    """

    molecule: Molecule
    frequencies: Float[np.ndarray, " mode"]
    modes: Float[np.ndarray, "mode atom 3"]
    temperature_k: float
    validation_temperature_k: float
    classical: bool = False

    def __post_init__(self):
        for kelvin in (self.temperature_k, self.validation_temperature_k):
            check_temperature(kelvin)
        for name in ("frequencies", "modes"):
            array = np.array(getattr(self, name), dtype=float)
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        expected = (*self.frequencies.shape, *self.molecule.positions.shape)
        if (
            self.frequencies.ndim != 1
            or self.modes.shape != expected
            or self.frequencies.min() <= 0
        ):
            raise InputError(
                f"{self.frequencies.shape} frequencies and {self.modes.shape} modes of "
                f"{self.molecule}; expected one mode (atom, 3) for each frequency above 0"
            )

    @property
    def wavenumbers(self) -> Float[np.ndarray, " mode"]:
        """Frequencies in 1/cm."""
        return self.frequencies * WAVENUMBER_PER_HARTREE

    def widths(self, temperature_k: float) -> Float[np.ndarray, " mode"]:
        """Standard deviation of each mass-weighted coordinate, bohr·√(electron mass)."""
        thermal = temperature_k * HARTREE_PER_KELVIN
        if self.classical:
            return np.sqrt(thermal) / self.frequencies
        with np.errstate(divide="ignore"):  # at 0 K coth is 1
            return np.sqrt(0.5 / self.frequencies / np.tanh(0.5 * self.frequencies / thermal))

    def __call__(self, split: str, seed: int, index: int) -> Molecule:
        rng = generator(split, seed, index)
        kelvin = self.temperature_k if split == TRAIN else self.validation_temperature_k
        widths = self.widths(float(kelvin))

        def draw() -> np.ndarray:
            return np.tensordot(widths * rng.normal(size=widths.shape), self.modes, 1)

        return displaced(self.molecule, draw, rng, f"a temperature of {kelvin} K")


def normal_modes(
    molecule: Molecule,
    theory: str | Theory | Surface,
    temperature_k: float = 300.0,
    *,
    validation_temperature_k: float | None = None,
    classical: bool = False,
    progress: Progress = lambda line: None,
) -> NormalModes:
    """Geometries from the molecule's harmonic vibrations at a temperature, in random orientations.

    Optimises the geometry first, then differentiates the exact forces by finite differences: six
    SCFs with forces for every atom. After that a draw costs nothing.

    Args:
        theory: for example "pbe/def2-svp", or a function molecule → (energy in hartree, forces
            in hartree/bohr).
        temperature_k: kelvin, 0 or more; at 0 only zero-point motion is left.
        validation_temperature_k: of validation geometries; the same by default.
        classical: leave zero-point motion out.
        progress: called with a line of text now and then.

    Raises:
        InputError: a single atom, a negative temperature, an optimisation that does not end, or
            that ends at a saddle point.

    >>> import qptlab as ql
    >>> modes = ql.normal_modes(ql.molecule("hydrogen"), "lda/sto-3g", temperature_k=300)
    >>> modes("train", seed=0, index=3)
    Molecule(H2, 2 atoms, 2 electrons, charge 0)
    """
    check_temperature(temperature_k)
    if len(molecule.symbols) < 2:
        raise InputError(f"{molecule} is a single atom and does not vibrate")
    surface = as_surface(theory)
    minimum = optimised(molecule, surface, progress)
    frequencies, modes = vibrations(minimum, hessian(minimum, surface, progress))
    other = temperature_k if validation_temperature_k is None else validation_temperature_k
    return NormalModes(minimum, frequencies, modes, temperature_k, other, classical)


def as_surface(theory: str | Theory | Surface) -> Surface:
    """A function as it is, of a theory the energy and forces of our SCF."""
    return theory if callable(theory) else scf_surface(parse_theory(theory))


def optimised(molecule: Molecule, surface: Surface, progress: Progress) -> Molecule:
    """The minimum of the energy near a geometry, by ASE's BFGS.

    Raises:
        InputError: forces are still above `FORCE_TOL` after many steps.
    """
    from ase.optimize import BFGS  # takes a while, and few runs need it

    atoms = ase_atoms(molecule)
    atoms.calc = SurfaceCalculator(surface, molecule)
    search = BFGS(atoms, logfile=None)
    largest = FORCE_TOL * EV_PER_HARTREE / ANGSTROM_PER_BOHR
    search.attach(lambda: progress(f"optimising {molecule.formula}: step {search.nsteps}"))
    if not search.run(fmax=largest, steps=MAX_OPTIMISER_STEPS):
        raise InputError(
            f"{molecule.formula}: no minimum after {MAX_OPTIMISER_STEPS} optimisation steps; "
            "start from a better geometry"
        )
    return from_ase(atoms, molecule)


def hessian(
    molecule: Molecule, surface: Surface, progress: Progress
) -> Float[np.ndarray, "coordinate coordinate"]:
    """d²E/dR², symmetrised, hartree/bohr², by central differences of the forces."""
    count = molecule.positions.size
    rows = np.empty((count, count))
    for i in range(count):
        step = np.zeros(count)
        step[i] = STEP
        step = step.reshape(-1, 3)
        _, forward = surface(molecule.with_positions(molecule.positions + step))
        _, backward = surface(molecule.with_positions(molecule.positions - step))
        rows[i] = (backward - forward).ravel() / (2 * STEP)
        progress(f"vibrations of {molecule.formula}: {i + 1} of {count} coordinates")
    return 0.5 * (rows + rows.T)


def vibrations(
    molecule: Molecule, hessian: Float[np.ndarray, "coordinate coordinate"]
) -> tuple[Float[np.ndarray, " mode"], Float[np.ndarray, "mode atom 3"]]:
    """Frequencies ħω (hartree) and modes of the motion that is neither translation nor rotation.

    Raises:
        InputError: a direction in which the energy falls.
    """
    masses = atomic_masses[list(molecule.numbers)] * ELECTRON_MASS_PER_DALTON
    root = np.repeat(np.sqrt(masses), 3)
    inner = null_space(_rigid_motions(molecule, masses).T)
    curvature, vectors = np.linalg.eigh(inner.T @ (hessian / np.outer(root, root)) @ inner)
    if curvature[0] <= 0:
        imaginary = np.sqrt(-curvature[0]) * WAVENUMBER_PER_HARTREE
        raise InputError(
            f"{molecule.formula} was optimised to a saddle point (a frequency of "
            f"{imaginary:.0f}i 1/cm); start from a less symmetric geometry"
        )
    modes = (inner @ vectors / root[:, None]).T
    return np.sqrt(curvature), modes.reshape(-1, *molecule.positions.shape)


def _rigid_motions(
    molecule: Molecule, masses: Float[np.ndarray, " atom"]
) -> Float[np.ndarray, "coordinate motion"]:
    """Mass-weighted translations and rotations, orthonormal; a linear molecule has five."""
    root = np.sqrt(masses)[:, None]
    arms = molecule.positions - masses @ molecule.positions / masses.sum()
    moves = [np.broadcast_to(axis, arms.shape) for axis in np.eye(3)]
    turns = [np.cross(axis, arms) for axis in np.eye(3)]
    shifts, _ = np.linalg.qr(np.stack([(root * move).ravel() for move in moves], axis=1))
    spins, sizes, _ = np.linalg.svd(
        np.stack([(root * turn).ravel() for turn in turns], axis=1), full_matrices=False
    )
    return np.hstack([shifts, spins[:, sizes > LINEAR * sizes[0]]])


def check_temperature(kelvin: float) -> None:
    """Raise `InputError` for what is no temperature."""
    if not np.isfinite(kelvin) or kelvin < 0:
        raise InputError(f"temperature {quoted(kelvin)} K; expected a number, 0 or more")
