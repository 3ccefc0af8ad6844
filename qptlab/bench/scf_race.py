"""Operation `scf`: from a molecule to its converged energy, ours against PySCF's `kernel()`."""

from dataclasses import dataclass, replace

import jax
import numpy as np

from qptlab.bench.compile_time import compile_seconds
from qptlab.bench.memory import peak_mb
from qptlab.bench.options import Options
from qptlab.bench.race import race
from qptlab.bench.row import Raced
from qptlab.dft import scf
from qptlab.molecule import Molecule, molecule
from qptlab.reference import pyscf_work
from qptlab.theory import Theory

CONV_TOL = 1e-6
"""What ours converges max |FDS − SDF| (hartree) and max |ΔD| (electrons) to.

PySCF stops at its defaults, a change in energy below 1e-9 Ha with an orbital gradient below
3e-5 Ha, and then makes one more cycle, which leaves a gradient of 1e-6 to 1e-5 Ha. At 1e-6 ours
ends below that. The columns `error_*_ha` (against an energy converged to 1e-12 Ha) and
`orbital_gradient_*` (2 F_ai, its norm) show what either reached.
"""


@dataclass(frozen=True, kw_only=True)
class ScfRow(Raced):
    """From a molecule to its converged energy."""

    operation: str = "scf"
    peers_s: dict[str, float]  # medians of all peers
    converged: bool  # both
    error_ours_ha: float
    error_pyscf_ha: float
    orbital_gradient_ours: float  # hartree
    orbital_gradient_pyscf: float
    fock_builds_ours: int
    fock_builds_pyscf: int
    peak_mb_ours: float  # resident memory of a fresh process
    peak_mb_pyscf_df: float

    def agrees(self) -> bool:
        """Whether both converged."""
        return self.converged


def scf_row(case: str, theory: Theory, options: Options) -> ScfRow:
    """The row of one case. Both start from a molecule whose basis set is already read.

    Integrals, grid and everything else are inside; PySCF is the faster of exact and fitted.
    """
    mol = molecule(case)
    jax.clear_caches()
    compiling = compile_seconds(lambda: scf(mol, theory, conv_tol=CONV_TOL))

    def pyscf(coulomb: str):
        return lambda: pyscf_work.unconverged(mol, replace(theory, coulomb=coulomb)).kernel

    names = {"ours": lambda: lambda: scf(mol, theory, conv_tol=CONV_TOL)}
    names |= {f"pyscf {coulomb}": pyscf(coulomb) for coulomb in ("df", "exact")}
    times = race(names, options.rounds, turn_seconds=0)
    return ScfRow(
        case=case,
        theory=str(theory),
        **times.compared("ours", times.fastest("ours")),
        peers_s={name: s for name, s in times.medians().items() if name != "ours"},
        threads=options.threads,
        compile_s=compiling,
        **_convergence(mol, theory),
        peak_mb_ours=peak_mb("ours", case, str(theory), options),
        peak_mb_pyscf_df=peak_mb("pyscf", case, str(theory), options),
    )


def _convergence(mol: Molecule, theory: Theory) -> dict:
    """How far either is from the energy of the fitted theory, and how many builds it took."""
    result = scf(mol, theory, conv_tol=CONV_TOL)
    mf = pyscf_work.unconverged(mol, theory)
    builds = pyscf_work.count_builds(mf)
    energy = float(mf.kernel())
    builds_pyscf, dm = builds[0], np.asarray(mf.make_rdm1())
    tight = pyscf_work.tight_energy(mol, theory, dm)
    return {
        "converged": bool(result.converged and mf.converged),
        "error_ours_ha": float(result.energy.total) - tight,
        "error_pyscf_ha": energy - tight,
        "orbital_gradient_ours": pyscf_work.gradient_norm(mf, result.dm, result.fock),
        "orbital_gradient_pyscf": pyscf_work.gradient_norm(mf, dm, np.asarray(mf.get_fock(dm=dm))),
        "fock_builds_ours": result.fock_builds,
        "fock_builds_pyscf": builds_pyscf,
    }
