"""Normal modes: frequencies against PySCF's analytic Hessian, displacements against theory."""

import json

import numpy as np
import pytest
from ase.data import atomic_masses
from geometries import distorted, linear
from pyscf.hessian import thermo
from tiers import later

from qptlab.dft.surface import SurfaceCalculator, ase_atoms, scf_surface
from qptlab.library import molecule
from qptlab.qpt.sampling import (
    TRAIN,
    VALIDATION,
    normal_modes,
    sampler_from_json,
    sampler_json,
)
from qptlab.reference import pyscf_mean_field
from qptlab.theory import parse_theory
from qptlab.units import ELECTRON_MASS_PER_DALTON, HARTREE_PER_KELVIN


@pytest.fixture(scope="module")
def fluoride():
    return normal_modes(linear("F", "H", distance=1.8), "hf/sto-3g", 300.0)


@pytest.mark.parametrize(
    "start, spec, grid",
    [
        later(distorted("water"), "hf/sto-3g", 1),
        (linear("H", "F", distance=1.8), "pbe/sto-3g", 4),
        later(molecule("hydrogen-cyanide"), "hf/sto-3g", 1),
        later(distorted("water"), "pbe/def2-svp", 4),
    ],
    ids=["water", "hydrogen fluoride, pbe", "hydrogen cyanide", "water, pbe/def2-svp"],
)
def test_frequencies_are_those_of_pyscf(start, spec, grid):
    level = parse_theory(spec, grid=grid, coulomb="exact")
    modes = normal_modes(start, level)
    judge = pyscf_mean_field(modes.molecule, level).run()
    # their forces, at our minimum
    gradient = judge.nuc_grad_method().set(grid_response=True).kernel()
    assert np.abs(gradient).max() < 5e-5
    theirs = thermo.harmonic_analysis(judge.mol, judge.Hessian().kernel())["freq_wavenumber"]
    assert len(modes.frequencies) == len(theirs)
    # finite differences, and in DFT PySCF's Hessian leaves out how the grid moves
    np.testing.assert_allclose(modes.wavenumbers, theirs.real, atol=1.0)


def test_modes_neither_shift_nor_turn_the_molecule():
    modes = normal_modes(molecule("water"), "hf/sto-3g")
    assert modes.modes.shape == (3, 3, 3)
    masses = atomic_masses[list(modes.molecule.numbers)]
    momenta = masses[:, None] * modes.modes
    np.testing.assert_allclose(momenta.sum(axis=1), 0, atol=1e-10)
    spins = np.cross(modes.molecule.positions, momenta).sum(axis=1)
    np.testing.assert_allclose(spins, 0, atol=1e-10)


def bond_lengths(sampler, split: str, count: int = 4000) -> np.ndarray:
    drawn = (sampler(split, 0, i).positions for i in range(count))
    return np.array([np.linalg.norm(xyz[1] - xyz[0]) for xyz in drawn])


@pytest.mark.parametrize("classical", [False, later(True)])
def test_a_bond_spreads_as_its_oscillator(fluoride, classical):
    record = sampler_json(fluoride) | {"classical": classical, "validation_temperature_k": 3000.0}
    modes = sampler_from_json(record)
    masses = atomic_masses[[9, 1]] * ELECTRON_MASS_PER_DALTON
    reduced, omega = masses.prod() / masses.sum(), fluoride.frequencies[0]
    for split, kelvin in ((TRAIN, 300.0), (VALIDATION, 3000.0)):
        thermal = kelvin * HARTREE_PER_KELVIN
        # number of quanta plus a half, or what equipartition gives
        quanta = thermal / omega if classical else 0.5 + 1 / np.expm1(omega / thermal)
        lengths = bond_lengths(modes, split)
        # four standard errors of a standard deviation
        tolerance = 4 / np.sqrt(2 * len(lengths))
        assert lengths.std() == pytest.approx(np.sqrt(quanta / (reduced * omega)), rel=tolerance)


def test_training_and_validation_are_independent(fluoride):
    assert not set(bond_lengths(fluoride, TRAIN, 50)) & set(bond_lengths(fluoride, VALIDATION, 50))
    cold = sampler_from_json(sampler_json(fluoride) | {"temperature_k": 0.0})
    assert np.isfinite(cold.widths(0.0)).all() and cold(TRAIN, 0, 1) == cold(TRAIN, 0, 1)


def test_a_run_folder_gives_back_the_same_modes(fluoride):
    again = sampler_from_json(json.loads(json.dumps(sampler_json(fluoride))))
    assert all(again(s, 1, i) == fluoride(s, 1, i) for s in (TRAIN, VALIDATION) for i in range(9))


def test_what_cannot_vibrate_is_refused():
    def hill(molecule):
        """Falls off to both sides of the bond axis."""
        x, y = molecule.positions[:, 0], molecule.positions[:, 1]
        slope = np.stack([x[[1, 2, 0]] * 0, y * 0.2, y * 0], axis=1)
        return float(-0.1 * y @ y), slope

    def repulsion(molecule):
        bond = molecule.positions[1] - molecule.positions[0]
        force = bond / np.linalg.norm(bond) ** 3
        return float(1 / np.linalg.norm(bond)), np.stack([-force, force])

    with pytest.raises(ValueError, match="saddle point"):
        normal_modes(linear("H", "O", "H", distance=2.0), hill)
    with pytest.raises(ValueError, match="no minimum after"):
        normal_modes(molecule("hydrogen"), repulsion)
    with pytest.raises(ValueError, match="single atom"):
        normal_modes(linear("He", distance=1.0), "hf/sto-3g")
    with pytest.raises(ValueError, match="temperature -1 K; expected"):
        normal_modes(molecule("water"), "hf/sto-3g", -1)


def test_ase_sees_forces_that_are_the_slope_of_the_energy():
    water = distorted("water")
    atoms = ase_atoms(water)
    atoms.calc = SurfaceCalculator(scf_surface(parse_theory("pbe/sto-3g")), water)
    force = atoms.get_forces()[1, 2]
    energies = []
    for step_angstrom in (2e-4, -2e-4):
        moved = atoms.copy()
        moved.positions[1, 2] += step_angstrom
        moved.calc = SurfaceCalculator(scf_surface(parse_theory("pbe/sto-3g")), water)
        energies.append(moved.get_potential_energy())
    assert force == pytest.approx((energies[1] - energies[0]) / 4e-4, abs=2e-5)
    # eV: hydrogen's 1s and oxygen's shells bind 75 hartree of it
    assert energies[0] == pytest.approx(-74.6 * 27.2114, rel=0.01)


def test_ase_keeps_charge_and_spin():
    seen = []

    def surface(molecule):
        seen.append(molecule)
        return -1.0, np.zeros((3, 3))

    cation = molecule("water", charge=1, spin=1)
    atoms = ase_atoms(cation)
    atoms.calc = SurfaceCalculator(surface, cation)
    assert atoms.get_potential_energy() == pytest.approx(-27.2114, abs=1e-4)
    assert (seen[0].charge, seen[0].spin) == (1, 1)
    np.testing.assert_allclose(seen[0].positions, cation.positions, atol=1e-12)
