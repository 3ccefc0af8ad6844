"""PySCF, the judge: reference calculations, comparison, and evaluation of networks."""

from qptlab.reference.compare import Comparison, compare
from qptlab.reference.evaluate import Evaluation, evaluate
from qptlab.reference.molden import write_molden
from qptlab.reference.pyscf_runs import (
    pyscf_energy,
    pyscf_fock,
    pyscf_mean_field,
    pyscf_scf,
    pyscf_terms,
)
from qptlab.reference.starting_density import initial_guess

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
