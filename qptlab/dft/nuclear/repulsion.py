"""Nuclear derivatives of the electron repulsion, density-fitted or exact.

V, M, X and B are those of `qptlab.dft.repulsion`. Only differences of positions matter, so the
derivative with respect to the third centre of V follows from the other two. Everything runs in
blocks: the derivative integrals are never held at once.
"""

import numpy as np
import scipy.linalg
from jaxtyping import Float
from pyscf import df, lib

from qptlab.dft.coulomb import pair_index
from qptlab.dft.nuclear.one_electron import sum_by_atom
from qptlab.dft.repulsion import (
    SMALLEST_METRIC,
    inverse_root,
    metric_cholesky,
    shell_runs,
    three_centre,
    with_auxiliary,
    with_omega,
)
from qptlab.types import Gradient, Metric


def cderi_vjp(mol, bar: Float[np.ndarray, "aux pair"], omega: float = 0.0) -> Gradient:
    """Σ bar_P,ij dB_P,ij/dR, each packed pair ij counted once.

    Args:
        bar: dE/dB of an E that depends on BᵀB only; all that is physical does, and nothing else
            would be defined (B could be turned by any rotation of its first index).
    """
    mol, aux = with_auxiliary(mol, omega)
    low = metric_cholesky(aux)
    if low is None:
        values, vectors = scipy.linalg.eigh(aux.intor("int2c2e"))
        root = inverse_root(values, vectors)
    else:
        root = scipy.linalg.solve_triangular(low, np.eye(len(low)), lower=True).T
    by_orbital, by_aux = np.zeros((3, mol.nao)), np.zeros((3, aux.nao))
    fitted = np.empty_like(root)  # bar Vᵀ
    i, j = np.tril_indices(mol.nao)
    share = np.where(i == j, 1.0, 0.5)  # once unpacked, a pair stands at ij and at ji
    for shells, rows in shell_runs(aux, 3 * 8 * mol.nao**2):
        fitted[:, rows] = bar @ three_centre(mol, aux, shells).T
        weight = lib.unpack_tril((root[rows] @ bar) * share)
        ranges = (0, mol.nbas, 0, mol.nbas, *shells)
        moved = df.incore.aux_e2(mol, aux, "int3c2e_ip1", comp=3, shls_slice=ranges)
        moved = moved.transpose(0, 3, 2, 1)  # (∇i j|P) as (3, P, j, i), the order libcint writes in
        slope = 2 * np.einsum("xpji,pji->xpi", moved, weight)
        by_orbital -= slope.sum(1)
        by_aux[:, rows] += slope.sum(2)
    metric_bar = -0.5 * root @ (fitted @ root) @ root.T
    if low is None:
        metric_bar += _turning(values, vectors, fitted)
    moved = aux.intor("int2c2e_ip1")
    by_aux -= np.einsum("xpq,pq->xp", moved, metric_bar + metric_bar.T)
    return sum_by_atom(mol, by_orbital) + sum_by_atom(aux, by_aux)


def eri_vjp(mol, bar: Float[np.ndarray, "pair pair"], omega: float = 0.0) -> Gradient:
    """Σ bar_ij,kl d(ij|kl)/dR, each packed pair of pairs counted once as in `int2e`'s `s4`.

    Args:
        bar: dE/d(ij|kl); need not be symmetric.
    """
    mol = with_omega(mol, omega)
    pairs_of, by_orbital = pair_index(mol.nao), np.zeros((3, mol.nao))
    for (first, last), rows in shell_runs(mol, 3 * 8 * mol.nao * len(bar)):
        shells = (first, last) + (0, mol.nbas) * 3
        moved = mol.intor("int2e_ip1", aosym="s2kl", shls_slice=shells)  # (3, i, j, pair)
        for i, orbital in enumerate(range(rows.start, rows.stop)):
            # one orbital at a time, as `bar` may fill half the memory; all four centres by symmetry
            pairs = pairs_of[orbital]
            weight = bar[pairs] + bar[:, pairs].T
            weight[orbital] *= 2  # the pair ii stands for itself only
            by_orbital[:, orbital] = -moved[:, i].reshape(3, -1) @ weight.ravel()
    return sum_by_atom(mol, by_orbital)


def _turning(values: Float[np.ndarray, " aux"], vectors: Metric, fitted: Metric) -> Metric:
    """What M_bar gains because the directions that are kept turn into those that are not.

    The divided difference of f(w) = 1/w on the kept side and 0 on the other, between a kept k and
    a dropped d, is 1/(w_k (w_k − w_d)).

    Source: Daleckii, Krein, AMS Transl. 47, 1 (1965).
    """
    kept = values > SMALLEST_METRIC
    in_kept, in_dropped = vectors[:, kept], vectors[:, ~kept]
    gap = values[kept][:, None] - values[~kept]
    coupling = (in_kept.T @ fitted @ in_dropped) / (np.sqrt(values[kept])[:, None] * gap)
    return in_kept @ coupling @ in_dropped.T
