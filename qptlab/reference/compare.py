"""Ours against PySCF, term by term."""

from dataclasses import dataclass

import numpy as np

from qptlab.dft import TERMS, ScfResult
from qptlab.errors import InputError
from qptlab.reference.pyscf_runs import pyscf_scf
from qptlab.units import MICROHARTREE_PER_HARTREE

OTHER_STATE = 1e-3
"""Difference of density matrices (electrons) above which two states are not the same."""


@dataclass(frozen=True)
class Comparison:
    """Ours against PySCF; prints as a table.

    Attributes:
        terms: {term: (ours, PySCF)} in hartree, "total" included.
        fock, mo_energy: largest absolute difference, hartree; of an open shell, over the spins
            that have electrons (where the density of a spin is zero, some functionals have no
            derivative with respect to it).
        density: largest absolute difference of the density matrices, electrons.
        note: what else there is to say about PySCF's run.
    """

    title: str
    terms: dict[str, tuple[float, float]]
    fock: float
    mo_energy: float
    density: float
    note: str = ""

    def __repr__(self):
        rows = [f"{self.title}", f"{'':>10}{'ours / Ha':>18}{'PySCF / Ha':>18}{'Δ / µHa':>14}"]
        for name, (ours, theirs) in self.terms.items():
            difference = (ours - theirs) * MICROHARTREE_PER_HARTREE
            rows.append(f"{name:>10}{ours:18.9f}{theirs:18.9f}{difference:14.6f}")
        rows.append(
            f"largest difference: Fock {self.fock:.1e} Ha, orbital energies "
            f"{self.mo_energy:.1e} Ha, density {self.density:.1e}"
        )
        return "\n".join([*rows, self.note] if self.note else rows)


def compare(result: ScfResult) -> Comparison:
    """Run the same calculation in PySCF and set it beside ours, term by term.

    An open shell may have several states of nearly one energy, the two orientations of OH's half
    empty orbital for example. Where PySCF finds another one by itself, it is started from our
    density, and the note says so.

    Raises:
        InputError: one spin of an open shell; give both.

    >>> import qptlab as ql
    >>> ql.compare(ql.scf(ql.molecule("water"), "lda/sto-3g")).fock < 1e-7
    True
    """
    if result.molecule.spin and not result.is_open_shell:
        raise InputError(f"this is one spin of {result.molecule.formula}; compare the whole result")
    judge, note = _judge(result)
    occupied = [n > 0 for n in judge.n_occ] if result.is_open_shell else ...
    return Comparison(
        title=f"{result.molecule.formula}, {result.theory}",
        terms={
            name: (float(getattr(result.energy, name)), float(getattr(judge.energy, name)))
            for name in (*TERMS, "total")
        },
        fock=float(np.abs(result.fock - judge.fock)[occupied].max()),
        mo_energy=float(np.abs(result.mo_energy - judge.mo_energy)[occupied].max()),
        density=float(np.abs(result.dm - judge.dm).max()),
        note=note,
    )


def _judge(result: ScfResult) -> tuple[ScfResult, str]:
    """PySCF's calculation of the state that `result` is in, and a remark on it."""
    own = pyscf_scf(result.molecule, result.theory)
    word = "finds another state" if own.converged else "does not converge"
    if not result.is_open_shell or np.abs(own.dm - result.dm).max() < OTHER_STATE:
        return own, "" if own.converged else f"PySCF {word}."
    judge = pyscf_scf(result.molecule, result.theory, dm0=result.dm)
    away = float(own.energy.total - judge.energy.total) * MICROHARTREE_PER_HARTREE
    return judge, f"PySCF by itself {word} ({away:+.3f} µHa); here it starts from our density."
