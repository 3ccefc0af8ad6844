"""Nuclear derivatives of every piece of the integrals, against differences of PySCF's numbers."""

import jax
import numpy as np
import pytest
from geometries import distorted, linear
from pyscf import df, dft, scf
from pyscf.dft import gen_grid

from qptlab.dft.grid import Grid, becke_shares, molecular_grid, size_adjustment
from qptlab.dft.minao import minao_guess
from qptlab.dft.mol import aux_basis, pyscf_mol
from qptlab.dft.nuclear import (
    cderi_vjp,
    eri_vjp,
    grid_vjp,
    h_core_vjp,
    minao_vjp,
    nuclear_repulsion_gradient,
    overlap_vjp,
)
from qptlab.dft.repulsion import cderi
from qptlab.molecule import Molecule
from qptlab.theory import Theory

OMEGA = 0.33
ACCURACY = 1e-8
CASES = {
    "H2O 6-31g*": (distorted("water"), "6-31g*"),
    "H2O2 def2-svp": (distorted("hydrogen peroxide"), "def2-svp"),
    "LiF def2-tzvp": (linear("Li", "F", distance=3.0), "def2-tzvp"),
    "OH- 6-31g*": (linear("O", "H", distance=1.8, charge=-1), "6-31g*"),
    "HCN def2-svp": (linear("H", "C", "N", distance=2.1), "def2-svp"),
    "HI def2-svp": (linear("H", "I", distance=3.04), "def2-svp"),
    "NaCl lanl2dz": (linear("Na", "Cl", distance=4.5), "lanl2dz"),
    "ZnO lanl2dz": (linear("Zn", "O", distance=3.3), "lanl2dz"),
}
FITTED = [name for name in CASES if "lanl2dz" not in name]
SMALL = ["H2O 6-31g*", "LiF def2-tzvp", "OH- 6-31g*", "NaCl lanl2dz"]


def case(name: str):
    molecule, basis = CASES[name]
    return molecule, Theory("pbe", basis, grid=0)


def along(molecule: Molecule, level: Theory, value, step: float = 1e-3):
    """A random direction (atom, 3), and the derivative of `value`(mol, molecule) along it."""
    direction = np.random.default_rng(8).normal(size=molecule.positions.shape)

    def at(t):
        moved = molecule.with_positions(molecule.positions + t * direction)
        return value(pyscf_mol(moved, level), moved)

    near, far = at(step) - at(-step), at(2 * step) - at(-2 * step)
    return direction, (8 * near - far) / (12 * step)


def check(gradient, direction, slope):
    """The gradient has this slope along the direction, relative to its size."""
    assert np.isfinite(gradient).all()
    found = np.sum(np.asarray(gradient) * direction)
    assert abs(found - slope) < ACCURACY * max(1.0, np.linalg.norm(gradient))


def assert_still(gradient):
    """Moving all atoms together changes nothing."""
    total = np.abs(np.asarray(gradient).sum(0)).max()
    assert total < 1e-9 * max(1.0, np.linalg.norm(gradient))


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).normal(size=shape)


MATRICES = {
    "overlap": (overlap_vjp, lambda mol: mol.intor_symmetric("int1e_ovlp")),
    "h_core": (h_core_vjp, scf.hf.get_hcore),
    "minao": (minao_vjp, lambda mol: np.asarray(scf.hf.init_guess_by_minao(mol))),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("matrix", MATRICES)
def test_matrices(name, matrix):
    molecule, level = case(name)
    mol = pyscf_mol(molecule, level)
    vjp, value = MATRICES[matrix]
    bar = random(mol.nao, mol.nao)
    gradient = vjp(mol, bar)
    check(gradient, *along(molecule, level, lambda mol, _: np.sum(bar * value(mol))))
    assert_still(gradient)


@pytest.mark.parametrize("name", ["HI def2-svp", "NaCl lanl2dz", "ZnO lanl2dz"])
def test_guess_around_a_core_potential_is_pyscfs(name):
    mol = pyscf_mol(*case(name))
    np.testing.assert_allclose(minao_guess(mol), scf.hf.init_guess_by_minao(mol), atol=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_nuclear_repulsion(name):
    molecule, level = case(name)
    gradient = nuclear_repulsion_gradient(pyscf_mol(molecule, level))
    check(gradient, *along(molecule, level, lambda mol, _: mol.energy_nuc()))


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("omega", [0.0, OMEGA])
def test_exact_repulsion(name, omega, monkeypatch):
    monkeypatch.setattr("qptlab.dft.repulsion.BLOCK_BYTES", 2**20)  # several blocks
    molecule, level = case(name)
    mol = pyscf_mol(molecule, level)
    n_pair = mol.nao * (mol.nao + 1) // 2
    bar = random(n_pair, n_pair)

    def value(mol, _):
        with mol.with_range_coulomb(omega):
            return np.sum(bar * mol.intor("int2e", aosym="s4"))

    gradient = eri_vjp(mol, bar, omega)
    check(gradient, *along(molecule, level, value))
    assert_still(gradient)


def pyscf_cderi(mol, omega: float) -> np.ndarray:
    """(aux, pair): what a density-fitted PySCF calculation uses."""
    fitting = dft.RKS(mol).density_fit(auxbasis=auxiliary(mol)).with_df
    fitting.max_memory = 16000  # in memory however much this process already holds
    with fitting.range_coulomb(omega) as ranged:
        return ranged.build()._cderi


def auxiliary(mol) -> dict:
    return aux_basis(tuple(sorted(set(mol.elements))))


@pytest.mark.parametrize("name", FITTED)
@pytest.mark.parametrize("omega", [0.0, OMEGA])
def test_fitted_repulsion(name, omega, monkeypatch):
    monkeypatch.setattr("qptlab.dft.repulsion.BLOCK_BYTES", 2**20)  # several blocks
    molecule, level = case(name)
    mol = pyscf_mol(molecule, level)
    n_pair = mol.nao * (mol.nao + 1) // 2
    # ½ Σ A_ij,kl (BᵀB)_ij,kl: any quadratic form that rotations of the first index leave alone
    form = random(n_pair, n_pair)
    form = form + form.T

    def value(mol, _):
        tensor = pyscf_cderi(mol, omega)
        return 0.5 * np.sum((tensor @ form) * tensor)

    bar = cderi(mol, omega) @ form
    gradient = cderi_vjp(mol, bar, omega)
    check(gradient, *along(molecule, level, value))
    assert_still(gradient)


@pytest.mark.parametrize("name", ["H2O 6-31g*", "HI def2-svp"])
@pytest.mark.parametrize("omega", [0.0, OMEGA])
def test_fitted_integrals_are_pyscfs(name, omega):
    mol = pyscf_mol(*case(name))
    ours, theirs = cderi(mol, omega), pyscf_cderi(mol, omega)
    assert np.abs(ours.T @ ours - theirs.T @ theirs).max() < 1e-10
    assert mol.omega == 0 and ours.shape[0] == df.addons.make_auxmol(mol, auxiliary(mol)).nao
    assert omega or np.array_equal(ours, theirs)


@pytest.mark.parametrize("name", ["H2O 6-31g*", "LiF def2-tzvp", "HI def2-svp", "OH- 6-31g*"])
def test_grid(name):
    molecule, level = case(name)
    mol, grid = pyscf_mol(molecule, level), molecular_grid(molecule, level)
    bar_weights = random(len(grid.weights))
    # weighted as in an integral: points of no weight may not matter
    bar_ao = random(4, mol.nao, len(grid.weights)) * np.sqrt(np.abs(grid.weights))

    def value(mol, moved):
        grid = molecular_grid(moved, level)
        ao = mol.eval_gto("GTOval_sph_deriv1", grid.points).transpose(0, 2, 1)
        return np.sum(bar_ao * ao) + bar_weights @ grid.weights

    gradient = grid_vjp(mol, grid, bar_ao, bar_weights)
    check(gradient, *along(molecule, level, value))
    assert_still(gradient)


@pytest.mark.parametrize("name", CASES)
def test_grid_is_pyscfs(name):
    molecule, level = case(name)
    mol, ours = pyscf_mol(molecule, level), molecular_grid(molecule, level)
    theirs = gen_grid.Grids(mol)
    theirs.level = level.grid
    theirs.build(sort_grids=False)
    assert np.array_equal(ours.points, theirs.coords)
    assert np.array_equal(ours.weights, theirs.weights)
    real = ours.weights != 0
    assert np.array_equal(ours.atom[real], theirs.atm_idx[real])
    positions = mol.atom_coords()
    weights = jax.jit(becke_weights)(
        positions,
        ours.points - positions[ours.atom],
        theirs.quadrature_weights,
        ours.atom,
        size_adjustment(mol),
    )
    np.testing.assert_allclose(weights, theirs.weights, rtol=1e-12, atol=1e-13)


def becke_weights(positions, offsets, volumes, atom, adjustment):
    """Weights of joined atomic grids whose own weights are `volumes`."""
    return volumes * becke_shares(positions, offsets, atom, adjustment)


def test_an_atom_alone_feels_nothing():
    molecule, level = Molecule(("Ne",), np.array([[0.3, -0.2, 0.1]])), Theory("pbe", "6-31g*", 0)
    mol, grid = pyscf_mol(molecule, level), molecular_grid(molecule, level)
    bar = random(mol.nao, mol.nao)
    bar_ao = random(4, mol.nao, len(grid.weights)) * np.sqrt(np.abs(grid.weights))
    assert np.array_equal(nuclear_repulsion_gradient(mol), np.zeros((1, 3)))
    for gradient in (
        overlap_vjp(mol, bar),
        h_core_vjp(mol, bar),
        minao_vjp(mol, bar),
        cderi_vjp(mol, cderi(mol)),
        grid_vjp(mol, grid, bar_ao, random(len(grid.weights))),
    ):
        assert np.abs(gradient).max() < 1e-9


def test_a_point_on_a_nucleus_has_a_derivative():
    positions = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 1.5], [1.0, 0.0, 0.5]])
    offsets, atom = np.array([[0.0, 0.0, 1.5], [0.0, 0.0, 0.0]]), np.array([0, 2])
    place = (offsets, np.ones(2), atom, np.zeros((3, 3)))
    assert np.allclose(becke_weights(positions, *place), [0.0, 1.0])
    slopes = jax.jit(jax.jacrev(becke_weights))(positions, *place)
    assert np.isfinite(slopes).all()


def test_a_grid_without_atoms_has_no_derivative():
    mol = pyscf_mol(*case("OH- 6-31g*"))
    grid = Grid(np.zeros((1, 3)), np.zeros(1))
    with pytest.raises(ValueError, match="a grid without atoms has no nuclear derivative"):
        grid_vjp(mol, grid, np.zeros((4, mol.nao, 1)), np.zeros(1))
