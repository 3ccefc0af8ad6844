"""PySCF, the judge: reference calculations, comparison, and evaluation of networks."""
# Imported here to be found here:
# ruff: noqa: F401

from qptlab.reference.compare import compare
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
