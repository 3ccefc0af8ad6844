"""Ours against PySCF, term by term."""

from dataclasses import dataclass

import numpy as np

from qptlab.dft import TERMS, ScfResult
from qptlab.reference.pyscf_runs import pyscf_scf
from qptlab.units import MICROHARTREE_PER_HARTREE


@dataclass(frozen=True)
class Comparison:
    """Ours against PySCF; prints as a table.

    Attributes:
        terms: {term: (ours, PySCF)} in hartree, "total" included.
        fock, mo_energy: largest absolute difference, hartree.
        density: largest absolute difference of the density matrices, electrons.
    """

    title: str
    terms: dict[str, tuple[float, float]]
    fock: float
    mo_energy: float
    density: float

    def __repr__(self):
        rows = [f"{self.title}", f"{'':>10}{'ours / Ha':>18}{'PySCF / Ha':>18}{'Δ / µHa':>14}"]
        for name, (ours, theirs) in self.terms.items():
            difference = (ours - theirs) * MICROHARTREE_PER_HARTREE
            rows.append(f"{name:>10}{ours:18.9f}{theirs:18.9f}{difference:14.6f}")
        rows.append(
            f"largest difference: Fock {self.fock:.1e} Ha, orbital energies "
            f"{self.mo_energy:.1e} Ha, density {self.density:.1e}"
        )
        return "\n".join(rows)


def compare(result: ScfResult) -> Comparison:
    """Run the same calculation in PySCF and set it beside ours, term by term.

    >>> import qptlab as ql
    >>> ql.compare(ql.scf(ql.molecule("water"), "lda/sto-3g")).fock < 1e-7
    True
    """
    judge = pyscf_scf(result.molecule, result.theory)
    names = (*TERMS, "total")
    return Comparison(
        title=f"{result.molecule.formula}, {result.theory}",
        terms={
            name: (float(getattr(result.energy, name)), float(getattr(judge.energy, name)))
            for name in names
        },
        fock=float(np.abs(result.fock - judge.fock).max()),
        mo_energy=float(np.abs(result.mo_energy - judge.mo_energy).max()),
        density=float(np.abs(result.dm - judge.dm).max()),
    )
