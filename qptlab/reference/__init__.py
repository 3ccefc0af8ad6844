"""PySCF, the judge: reference calculations, comparison, and evaluation of networks."""

from qptlab.reference.compare import Comparison, compare
from qptlab.reference.evaluate import Evaluation, evaluate
from qptlab.reference.guess import initial_guess
from qptlab.reference.molden import write_molden
from qptlab.reference.pyscf_runs import (
    pyscf_energy,
    pyscf_fock,
    pyscf_mean_field,
    pyscf_scf,
    pyscf_terms,
)

__all__ = [
    "Comparison",
    "Evaluation",
    "compare",
    "evaluate",
    "initial_guess",
    "pyscf_energy",
    "pyscf_fock",
    "pyscf_mean_field",
    "pyscf_scf",
    "pyscf_terms",
    "write_molden",
]
