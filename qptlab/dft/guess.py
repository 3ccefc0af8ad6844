"""The `minao` starting density: occupied atomic orbitals projected onto the basis.

PySCF's `init_guess_by_minao`, number for number, with the parsing of its ANO basis done once per
element: on small molecules that parsing costs more than all the integrals.
"""

import functools
import warnings

import numpy as np
import scipy.linalg


def minao_guess(mol) -> np.ndarray:
    """(ao, ao): density matrix, in electrons, of a `pyscf.gto.Mole`.

    Source: Almlöf, Faegri, Korsell, J. Comput. Chem. 3, 385 (1982).
    """
    from pyscf import gto, scf

    if mol.has_ecp() or max(gto.charge(element) for element in mol.elements) > 96:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # remarks on cores and potentials
            return np.asarray(scf.hf.init_guess_by_minao(mol))
    minimal = gto.Mole()
    basis = {element: _minimal_basis(element)[0] for element in set(mol.elements)}
    minimal._atm, minimal._bas, minimal._env = minimal.make_env(mol._atom, basis, [])
    minimal._built = True
    occupation = np.hstack([_minimal_basis(element)[1] for element in mol.elements])
    cross = gto.intor_cross("int1e_ovlp", mol, minimal)
    coeff = scipy.linalg.solve(mol.intor_symmetric("int1e_ovlp"), cross, assume_a="pos")
    return (coeff * occupation) @ coeff.T


@functools.cache
def _minimal_basis(element: str) -> tuple[list, np.ndarray]:
    """ANO shells that an atom fills, and their occupation (averaged over open shells)."""
    from pyscf import gto
    from pyscf.scf import atom_hf

    contractions = gto.basis.load("ano", element)
    shells, occupation = [], []
    for l in range(4):
        full, fraction = atom_hf.frac_occ(element, l)
        occupation += [2.0] * (full * (2 * l + 1)) + [fraction] * (2 * l + 1)
        primitives = contractions[l][1:]
        shells.append([l] + [row[:1] + row[1 : full + 2] for row in primitives])
    return shells, np.array(occupation)
