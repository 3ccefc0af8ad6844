"""What a starting density is worth: Fock builds and seconds until PySCF has converged."""

import functools
import time

import numpy as np

from qptlab.errors import NotConverged
from qptlab.molecule import Molecule
from qptlab.reference.pyscf_runs import pyscf_mean_field
from qptlab.theory import Theory

TOLERANCES = (1e-6, 1e-9, 1e-12)
"""PySCF's `conv_tol`, hartree."""
GUESSES = ("minao", "atom", "huckel", "vsap")
"""PySCF's `init_guess`; minao is its default."""
PREDICTED = "predicted"


def scf_costs(
    molecule: Molecule,
    theory: Theory,
    dm: np.ndarray,
    builds: int,
    seconds: float,
    guesses: tuple[str, ...] = GUESSES,
) -> dict[str, dict[str, dict[str, float]]]:
    """{tolerance: {guess: {"fock_builds", "seconds"}}} of PySCF's guesses and of a prediction.

    Args:
        dm: the predicted density, electrons.
        builds, seconds: what predicting it took; counted under `PREDICTED`.
        guesses: those of `GUESSES` to set beside it.

    Raises:
        NotConverged: PySCF does not converge to the tightest tolerance.
    """
    predicted = predicted_cost(molecule, theory, dm, builds, seconds)
    runs = _guess_runs(molecule, theory, guesses) | {PREDICTED: predicted}
    return {
        f"{tolerance:.0e}": {guess: run[tolerance] for guess, run in runs.items()}
        for tolerance in TOLERANCES
    }


def predicted_cost(
    molecule: Molecule, theory: Theory, dm: np.ndarray, builds: int, seconds: float
) -> dict[float, dict[str, float]]:
    """{tolerance: {"fock_builds", "seconds"}} from a prediction; otherwise as `scf_costs`."""
    own = {"fock_builds": builds, "seconds": seconds}
    return {
        tolerance: {name: cost[name] + own[name] for name in own}
        for tolerance, cost in _run(molecule, theory, dm).items()
    }


@functools.lru_cache(maxsize=64)  # a geometry is often judged with several predictions
def _guess_runs(
    molecule: Molecule, theory: Theory, guesses: tuple[str, ...]
) -> dict[str, dict[float, dict]]:
    # Hartree–Fock has no grid, on which vsap's atomic potentials are superposed
    known = [guess for guess in guesses if theory.xc != "hf" or guess != "vsap"]
    return {guess: _run(molecule, theory, guess) for guess in known}


def _run(molecule: Molecule, theory: Theory, start: str | np.ndarray) -> dict[float, dict]:
    """{tolerance: cost} from one run to the tightest: its way does not depend on where it ends.

    PySCF stops where the energy changes by less than `conv_tol` and the orbital gradient's norm is
    below its square root; then it makes one more cycle, which is counted.
    """
    mf = pyscf_mean_field(molecule, theory)
    mf.conv_tol, mf.conv_tol_grad, mf.max_cycle = min(TOLERANCES), None, 100
    costs: dict[float, dict] = {}
    began = time.perf_counter()

    def after_cycle(env):
        spent = time.perf_counter() - began
        change = abs(env["e_tot"] - env["last_hf_e"])
        for tolerance in TOLERANCES:
            if tolerance not in costs and change < tolerance and env["norm_gorb"] < tolerance**0.5:
                # the first build, one a cycle, and the cycle that follows
                n_builds = env["cycle"] + 3
                costs[tolerance] = {
                    "fock_builds": float(n_builds),
                    "seconds": spent * n_builds / (n_builds - 1),
                }

    mf.callback = after_cycle
    mf.kernel(dm0=mf.get_init_guess(key=start) if isinstance(start, str) else start)
    if len(costs) < len(TOLERANCES):
        raise NotConverged(
            f"PySCF does not converge for {molecule.formula} to {mf.conv_tol:.0e} Ha"
        )
    return costs
