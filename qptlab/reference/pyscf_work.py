"""PySCF doing the same work as one step of ours, so that the two can be timed side by side."""

import numpy as np
from pyscf import lib

from qptlab.molecule import Molecule
from qptlab.reference.pyscf_runs import pyscf_mean_field
from qptlab.theory import Theory

AMPLE_MEMORY_MB = 16000
"""So that PySCF never chooses to compute integrals again for want of memory."""


def prepared(molecule: Molecule, theory: Theory):
    """A PySCF mean field with grid and repulsion integrals at hand, as within its SCF loop."""
    mf = unconverged(molecule, theory)
    mf.grids.build(with_non0tab=True)
    mf.get_jk(dm=mf.get_init_guess())
    return mf


def unconverged(molecule: Molecule, theory: Theory):
    """A fresh PySCF mean field with PySCF's own thresholds, that writes no checkpoints.

    `mf.kernel()` stops where the energy changes by less than 1e-9 Ha and the norm of the orbital
    gradient is below its square root, and then makes one more cycle.
    """
    mf = pyscf_mean_field(molecule, theory)
    mf.max_memory = AMPLE_MEMORY_MB
    mf.conv_tol, mf.conv_tol_grad, mf.chkfile = 1e-9, None, None
    return mf


def tight_energy(molecule: Molecule, theory: Theory, dm: np.ndarray) -> float:
    """PySCF's energy from `dm` (ao, ao), converged as far as double precision lets it, hartree."""
    mf = unconverged(molecule, theory)
    mf.conv_tol, mf.conv_tol_grad = 1e-12, 1e-8
    return float(mf.kernel(dm0=dm))


def tagged_density(occupied: np.ndarray) -> np.ndarray:
    """D = 2 C Cᵀ carrying its orbitals C (ao, occ), from which exchange and ρ are cheaper."""
    twice = np.full(occupied.shape[1], 2.0)
    return lib.tag_array(2 * occupied @ occupied.T, mo_coeff=occupied, mo_occ=twice)


def energy_and_fock(mf, dm: np.ndarray, h_core: np.ndarray) -> tuple[float, np.ndarray]:
    """PySCF's total energy in hartree, and its Fock matrix h + V[D]."""
    potential = mf.get_veff(mf.mol, dm)
    return mf.energy_tot(dm, h_core, potential), h_core + np.asarray(potential)


def energy_and_slope(
    mf, fock: np.ndarray, overlap: np.ndarray, h_core: np.ndarray
) -> tuple[float, np.ndarray]:
    """E(D(F)) and dE/dF, written by hand with PySCF's parts.

    dE/dF = 2 (A + Aᵀ), A = Σ_ai c_a (c_aᵀ F[D] c_i) / (ε_i − ε_a) c_iᵀ, over empty a and filled i.

    Args:
        fock: F, (ao, ao), hartree: not the Fock matrix of the density that it leads to.
    """
    levels, coeff = mf.eig(fock, overlap)
    n_occ = mf.mol.nelec[0]
    occupied, empty = np.ascontiguousarray(coeff[:, :n_occ]), coeff[:, n_occ:]
    energy, built = energy_and_fock(mf, tagged_density(occupied), h_core)
    pairs = (empty.T @ built @ occupied) / (levels[:n_occ] - levels[n_occ:, None])
    half = empty @ pairs @ occupied.T
    return energy, 2 * (half + half.T)


def gradient_norm(mf, dm: np.ndarray, fock: np.ndarray) -> float:
    """Norm of the orbital gradient 2 F_ai in hartree, the measure PySCF converges.

    Args:
        dm, fock: D and F[D]; the filled orbitals are those that make up D.
    """
    lower = np.linalg.cholesky(mf.get_ovlp())
    _, vectors = np.linalg.eigh(lower.T @ dm @ lower)
    coeff = np.linalg.solve(lower.T, vectors)
    n_empty = len(dm) - mf.mol.nelec[0]
    return float(np.linalg.norm(2 * coeff[:, :n_empty].T @ fock @ coeff[:, n_empty:]))


def count_builds(mf) -> list[int]:
    """A list of one number: how many Fock matrices `mf` builds from now on."""
    count, build = [0], mf.get_veff

    def counted(*args, **kwargs):
        count[0] += 1
        return build(*args, **kwargs)

    mf.get_veff = counted
    return count
