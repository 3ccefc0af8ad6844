"""The derivative of the energy through pyscfad, another differentiable program, where installed."""

import importlib.util
from collections.abc import Callable

import jax
import numpy as np

from qptlab.dft.mol import AUX_BASIS
from qptlab.molecule import Molecule
from qptlab.theory import FUNCTIONALS, Theory


def is_installed() -> bool:
    """Whether pyscfad can be imported."""
    return importlib.util.find_spec("pyscfad") is not None


def energy_and_slope(molecule: Molecule, theory: Theory) -> Callable[[jax.Array], tuple]:
    """F -> (E(D(F)), dE/dF), made of pyscfad's eigenvectors, density, `get_veff` and energy.

    Grid, overlap, core Hamiltonian and repulsion integrals are at hand before the first call.
    pyscfad evaluates orbitals on the grid at each call, and cannot be compiled as a whole: its
    grid points and functionals are NumPy's and libxc's.
    """
    from pyscfad import config, dft, gto

    config.update("pyscfad_moleintor_opt", True)  # integrals packed, in C: its faster way
    mol = gto.Mole()
    mol.atom = list(zip(molecule.symbols, molecule.positions.tolist(), strict=True))
    mol.unit, mol.basis, mol.charge, mol.verbose = "Bohr", theory.basis, molecule.charge, 0
    mol.build(trace_coords=False, trace_exp=False, trace_ctr_coeff=False)
    mf = dft.RKS(mol, xc=FUNCTIONALS[theory.xc])
    mf.grids.level, mf.small_rho_cutoff = theory.grid, 0
    if theory.coulomb == "df":
        mf = mf.density_fit(auxbasis=AUX_BASIS)
    overlap, h_core = mf.get_ovlp(), mf.get_hcore()
    occupation = np.zeros(mol.nao)
    occupation[: molecule.n_electrons // 2] = 2

    def energy(fock):
        _, coeff = mf.eig(fock, overlap)
        dm = mf.make_rdm1(coeff, occupation)
        return mf.energy_tot(dm, h_core, mf.get_veff(mol, dm))

    def symmetric(fock):
        value, slope = jax.value_and_grad(energy)(fock)
        return value, 0.5 * (slope + slope.T)

    return symmetric
