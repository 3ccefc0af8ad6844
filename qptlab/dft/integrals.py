"""Integrals over atomic orbitals and grid points: the only place that calls PySCF's libcint.

Everything a Kohn–Sham energy needs from a molecule is computed here once, on the host, and
travels on as the pytree `Integrals`.
"""

import functools
import warnings

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from qptlab.dft.coulomb import Coulomb, DensityFitted, Exact
from qptlab.dft.shells import Shells
from qptlab.molecule import Molecule
from qptlab.theory import Theory

AUX_BASIS = "def2-universal-jkfit"
LARGEST_EXACT_BYTES = 4 * 2**30
LARGEST_L = 3


class Integrals(eqx.Module):
    """All that `energy` needs besides the density matrix.

    Attributes:
        overlap, h_core: (ao, ao); S and the kinetic + nuclear (+ ECP) matrix in hartree.
        dm_guess: (ao, ao); PySCF's `minao` starting density.
        coulomb: density-fitted or exact electron repulsion.
        grid_ao: (4, grid, ao); χ and its gradient on the grid.
        grid_weights: (grid,), bohr³.
        e_nuc: repulsion of the nuclei, hartree.
        positions: (atom, 3), bohr.
        shells: which orbitals form a shell, and where it sits.
        n_occ: number of doubly occupied orbitals.
        xc: name of the functional.
    """

    overlap: Float[Array, "ao ao"]
    h_core: Float[Array, "ao ao"]
    dm_guess: Float[Array, "ao ao"]
    coulomb: Coulomb
    grid_ao: Float[Array, "4 grid ao"]
    grid_weights: Float[Array, " grid"]
    e_nuc: Float[Array, ""]
    positions: Float[Array, "atom 3"]
    shells: Shells = eqx.field(static=True)
    n_occ: int = eqx.field(static=True)
    xc: str = eqx.field(static=True)

    @property
    def n_ao(self) -> int:
        """Number of atomic orbitals."""
        return self.overlap.shape[-1]

    @property
    def n_bytes(self) -> int:
        """Memory its arrays take."""
        return sum(leaf.nbytes for leaf in jax.tree.leaves(self))


class Grid(eqx.Module):
    """Integration points (grid, 3) in bohr and their weights (grid,) in bohr³."""

    points: np.ndarray
    weights: np.ndarray


def integrals(molecule: Molecule, theory: Theory, grid: Grid | None = None) -> Integrals:
    """Compute the integrals of a molecule at a level of theory.

    Args:
        grid: integration grid; by default PySCF's at `theory.grid`. Give one to compare two
            calculations on the same points.

    Raises:
        ValueError: odd number of electrons, unknown basis, an element the basis (or the
            auxiliary basis) lacks, functions beyond f, or exact integrals too large to hold.
    """
    mol = _pyscf_mol(molecule, theory)
    from pyscf import scf

    grid = grid or molecular_grid(molecule, theory)
    grid_ao = mol.eval_gto("GTOval_sph_deriv1", grid.points)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PySCF's remarks on starting guesses with ECPs
        dm_guess = scf.hf.init_guess_by_minao(mol)
    return Integrals(
        overlap=jnp.asarray(mol.intor_symmetric("int1e_ovlp")),
        h_core=jnp.asarray(scf.hf.get_hcore(mol)),
        dm_guess=jnp.asarray(np.asarray(dm_guess)),
        coulomb=_density_fitted(mol) if theory.coulomb == "df" else _exact(mol),
        grid_ao=jnp.asarray(grid_ao),
        grid_weights=jnp.asarray(grid.weights),
        e_nuc=jnp.asarray(mol.energy_nuc()),
        positions=jnp.asarray(molecule.positions),
        shells=Shells.from_pyscf(mol),
        n_occ=mol.nelectron // 2,
        xc=theory.xc,
    )


def molecular_grid(molecule: Molecule, theory: Theory) -> Grid:
    """PySCF's grid at `theory.grid` with its default pruning."""
    from pyscf.dft import gen_grid

    grids = gen_grid.Grids(_pyscf_mol(molecule, theory))
    grids.level = theory.grid
    grids.build(sort_grids=False)
    return Grid(grids.coords, grids.weights)


def ao_values(molecule: Molecule, theory: Theory, points: np.ndarray) -> np.ndarray:
    """(point, ao): the atomic orbitals at `points` (point, 3) in bohr."""
    return _pyscf_mol(molecule, theory).eval_gto("GTOval_sph", np.asarray(points))


def overlap_matrix(molecule: Molecule, theory: Theory) -> np.ndarray:
    """(ao, ao): S, without the cost of the other integrals."""
    return _pyscf_mol(molecule, theory).intor_symmetric("int1e_ovlp")


def dipole(molecule: Molecule, theory: Theory, dm: np.ndarray) -> np.ndarray:
    """(3,): dipole moment in atomic units, about the origin of the coordinates as in PySCF."""
    mol = _pyscf_mol(molecule, theory)
    electrons = np.einsum("xij,ji->x", mol.intor_symmetric("int1e_r", comp=3), np.asarray(dm))
    return mol.atom_charges() @ mol.atom_coords() - electrons


def check(molecule: Molecule, theory: Theory) -> None:
    """Raise the `ValueError` that `integrals` would raise, without computing any."""
    mol = _pyscf_mol(molecule, theory)
    if theory.coulomb == "exact":
        _check_exact_size(mol)
    else:
        _aux_basis(tuple(sorted(set(molecule.symbols))))


@functools.lru_cache(maxsize=16)
def _pyscf_mol(molecule: Molecule, theory: Theory):
    from pyscf import gto

    elements = sorted(set(molecule.symbols))
    basis = {element: _basis(theory.basis, element) for element in elements}
    if molecule.n_electrons < 2 or molecule.n_electrons % 2:
        raise ValueError(
            f"{molecule.n_electrons} electrons in {molecule.formula} with charge "
            f"{molecule.charge:+d}; a closed shell needs an even number, at least 2: "
            f"give charge={molecule.charge + 1:+d} or {molecule.charge - 1:+d}"
        )
    mol = gto.Mole()
    mol.atom = list(zip(molecule.symbols, molecule.positions.tolist(), strict=True))
    mol.unit, mol.charge, mol.verbose = "Bohr", molecule.charge, 0
    mol.basis, mol.ecp = basis, _core_potentials(theory.basis, elements)
    mol.build(dump_input=False, parse_arg=False)
    if mol.nelectron > 2 * mol.nao:
        raise ValueError(f"{mol.nelectron} electrons do not fit in {mol.nao} orbitals of "
                         f"{theory.basis}")
    return mol


def _basis(name: str, element: str) -> list:
    shells = _load_basis(name, element)
    if not shells:
        if any(_load_basis(name, other) for other in ("H", "C", "O", "Zn", "I")):
            raise ValueError(f"basis {name!r} has no functions for {element}")
        raise ValueError(
            f"unknown basis {name!r}; try sto-3g, 6-31g*, def2-svp or another of PySCF's names"
        )
    if max(shell[0] for shell in shells) > LARGEST_L:
        raise ValueError(f"basis {name!r} has functions beyond f for {element}; up to f is allowed")
    return shells


@functools.cache
def _load_basis(name: str, element: str) -> list | None:
    """Shells of one element as PySCF writes them; None where it has none."""
    from pyscf import gto

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "may be available in basis-set-exchange"
        try:
            return gto.basis.load(name, element)
        except Exception:  # PySCF raises many kinds here, KeyError to BasisNotFoundError
            return None


def _core_potentials(name: str, elements: list[str]) -> dict[str, list]:
    """The effective core potentials that belong to a basis, by element."""
    from pyscf import gto
    from pyscf.data.elements import ELEMENTS

    _, numbers = gto.mole.bse_predefined_ecp(name, elements)
    symbols = [ELEMENTS[number] for number in sorted(numbers or ())]
    return {symbol: gto.basis.load_ecp(name, symbol) for symbol in symbols}


@functools.cache
def _aux_basis(elements: tuple[str, ...]) -> dict[str, list]:
    found = {element: _load_basis(AUX_BASIS, element) for element in elements}
    missing = [element for element, shells in found.items() if not shells]
    if missing:
        raise ValueError(
            f"the auxiliary basis {AUX_BASIS} has no functions for {', '.join(missing)}; "
            "use coulomb='exact'"
        )
    return found


def _density_fitted(mol) -> DensityFitted:
    from pyscf import df, lib

    aux_basis = _aux_basis(tuple(sorted(set(mol.elements))))
    packed = df.incore.cholesky_eri(mol, auxbasis=aux_basis)
    return DensityFitted(jnp.asarray(lib.unpack_tril(packed)))


def _exact(mol) -> Exact:
    _check_exact_size(mol)
    return Exact(jnp.asarray(mol.intor("int2e", aosym="s4")))


def _check_exact_size(mol) -> None:
    n_pair = mol.nao * (mol.nao + 1) // 2
    if 8 * n_pair**2 > LARGEST_EXACT_BYTES:
        raise ValueError(
            f"exact integrals of {mol.nao} orbitals take {8 * n_pair**2 / 2**30:.1f} GiB, "
            f"at most {LARGEST_EXACT_BYTES / 2**30:.0f} GiB are allowed; use coulomb='df'"
        )
