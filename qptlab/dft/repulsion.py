"""Values of the electron repulsion, density-fitted or exact.

Fitted: (μν|λσ) ≈ Σ_PQ V_P,μν M⁺_PQ V_Q,λσ = Σ_P B_P,μν B_P,λσ with B = Xᵀ V and X Xᵀ = M⁺. Where
all three-centre integrals would be held at once, they come in runs of shells. Everywhere `omega` is
0 for the repulsion 1/r, positive for erf(omega r)/r.
"""

import numpy as np
import scipy.linalg
from jaxtyping import Float
from pyscf import df

from qptlab.dft.mol import aux_basis
from qptlab.types import Metric

BLOCK_BYTES = 64 * 2**20
SMALLEST_METRIC = 1e-7
"""Eigenvalues of the metric below this are left out, as PySCF does."""


def cderi(mol, omega: float = 0.0) -> Float[np.ndarray, "aux pair"]:
    """B in PySCF's packed order of pairs, so that (μν|λσ) ≈ Σ_P B_P,μν B_P,λσ.

    PySCF's `cholesky_eri` where the metric M is safely positive. Otherwise, which includes every
    long-range metric, X is M^(-1/2) without the directions in which M is smaller than
    `SMALLEST_METRIC`: the same BᵀB as PySCF's, but always `aux` rows, and unique where
    eigenvectors are not.
    """
    mol, aux = with_auxiliary(mol, omega)
    if metric_cholesky(aux) is not None:
        return df.incore.cholesky_eri(mol, auxmol=aux)
    root = inverse_root(*scipy.linalg.eigh(aux.intor("int2c2e")))
    out = np.zeros((aux.nao, mol.nao * (mol.nao + 1) // 2))
    for shells, rows in shell_runs(aux, 8 * out.shape[1]):
        out += root[:, rows] @ three_centre(mol, aux, shells)
    return out


def eri(mol, omega: float = 0.0) -> Float[np.ndarray, "pair pair"]:
    """Every (ij|kl), packed in both pairs as PySCF's `s4`."""
    return with_omega(mol, omega).intor("int2e", aosym="s4")


def with_omega(mol, omega: float):
    """The molecule with another Coulomb operator; a copy, as other threads may share `mol`."""
    if omega == mol.omega:
        return mol
    changed = mol.copy(deep=False)
    changed._env = mol._env.copy()
    changed.omega = omega
    return changed


def with_auxiliary(mol, omega: float = 0.0):
    """The molecule and its auxiliary `Mole`, both with the Coulomb operator of `omega`.

    Raises:
        InputError: an element that the auxiliary basis lacks.
    """
    mol = with_omega(mol, omega)
    return mol, df.addons.make_auxmol(mol, aux_basis(mol.elements))


def metric_cholesky(aux) -> Metric | None:
    """L with M = L Lᵀ, or None where M is not safely positive."""
    if aux.omega:
        return None
    try:
        return scipy.linalg.cholesky(aux.intor("int2c2e", hermi=1), lower=True)
    except scipy.linalg.LinAlgError:
        return None


def inverse_root(values: Float[np.ndarray, " aux"], vectors: Metric) -> Metric:
    """M^(-1/2) in the directions that are kept, zero in the others; symmetric."""
    kept = values > SMALLEST_METRIC
    return (vectors[:, kept] / np.sqrt(values[kept])) @ vectors[:, kept].T


def three_centre(mol, aux, shells: tuple[int, int]) -> Float[np.ndarray, "block pair"]:
    """V_P,ij = (ij|P) of some auxiliary shells, pairs packed."""
    ranges = (0, mol.nbas, 0, mol.nbas, *shells)
    return df.incore.aux_e2(mol, aux, "int3c2e", aosym="s2ij", shls_slice=ranges).T


def shell_runs(mol, bytes_per_orbital: int):
    """Runs of shells, and their slice of orbitals, of about `BLOCK_BYTES` each."""
    ao_loc, start = mol.ao_loc, 0
    most = max(1, BLOCK_BYTES // bytes_per_orbital)
    while start < mol.nbas:
        stop = max(start + 1, int(np.searchsorted(ao_loc, ao_loc[start] + most, side="right")) - 1)
        yield (start, stop), slice(int(ao_loc[start]), int(ao_loc[stop]))
        start = stop
