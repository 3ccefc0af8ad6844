"""The same calculation by an independent program, PySCF."""

import jax.numpy as jnp
import numpy as np
from pyscf import dft, gto, lib

from qptlab.dft import Energy, ScfResult
from qptlab.dft.mol import AUX_BASIS, basis_and_potentials
from qptlab.errors import NotConverged
from qptlab.molecule import Molecule
from qptlab.theory import FUNCTIONALS, Theory, parse_theory

MEMORY_MB = 4000
"""What a calculation may take beside what is in memory already; PySCF's own default."""


def pyscf_mean_field(molecule: Molecule, theory: str | Theory):
    """PySCF's `RKS`, or `UKS` for open shells, with the same functional, basis, grid and Coulomb.

    Yours to change and run: `mf.kernel()`.

    Raises:
        InputError: a theory that does not exist, or a basis that `orbital_shells` refuses.
    """
    theory = parse_theory(theory)
    basis, potentials = basis_and_potentials(theory.basis, molecule.symbols)
    mol = gto.M(
        atom=list(zip(molecule.symbols, molecule.positions.tolist(), strict=True)),
        unit="Bohr",
        basis=basis,
        ecp=potentials,
        charge=molecule.charge,
        spin=molecule.spin,
        verbose=0,
        # PySCF counts all that this process holds, and would go to disk for want of what is left
        max_memory=lib.current_memory()[0] + MEMORY_MB,
    )
    mf = (dft.UKS if molecule.spin else dft.RKS)(mol, xc=FUNCTIONALS[theory.xc])
    mf.grids.level = theory.grid
    mf.conv_tol, mf.conv_tol_grad = 1e-11, 1e-7
    return mf.density_fit(auxbasis=AUX_BASIS) if theory.coulomb == "df" else mf


def pyscf_scf(molecule: Molecule, theory: str | Theory, dm0: np.ndarray | None = None) -> ScfResult:
    """PySCF's calculation in our record: `converged` says whether it converged.

    Args:
        dm0: (ao, ao) or (2, ao, ao) starting density; PySCF's own guess by default.

    Raises:
        InputError: as `pyscf_mean_field`.
    """
    theory = parse_theory(theory)
    mf = pyscf_mean_field(molecule, theory)
    mf.kernel(dm0=dm0)
    dm = np.asarray(mf.make_rdm1())
    word = "converged" if mf.converged else "did not converge"
    return ScfResult(
        molecule=molecule,
        theory=theory,
        energy=pyscf_terms(mf, dm),
        dm=dm,
        fock=np.asarray(mf.get_fock(dm=dm)),
        mo_energy=np.asarray(mf.mo_energy),
        mo_coeff=np.asarray(mf.mo_coeff),
        n_occ=mf.mol.nelec if molecule.spin else mf.mol.nelec[0],
        fock_builds=mf.cycles + 1,
        converged=bool(mf.converged),
        message=f"{molecule.formula}, {theory}: {mf.e_tot:.8f} Ha; PySCF {word}.",
    )


def pyscf_energy(molecule: Molecule, theory: str | Theory) -> float:
    """PySCF's converged energy, hartree.

    Raises:
        NotConverged: PySCF does not converge.
    """
    # the energy alone settles sooner than the density; its error stays below 1e-9 Ha
    return float(_settled(molecule, theory, "reference energy").e_tot)


def pyscf_fock(molecule: Molecule, theory: str | Theory) -> np.ndarray:
    """PySCF's converged Fock matrix, (ao, ao), hartree: a label for supervised training.

    Converged to PySCF's own thresholds, and put together from the orbitals of its last iteration,
    F = S C ε Cᵀ S, so that a label costs what `mf.kernel()` does and no more.

    Raises:
        NotConverged: PySCF does not converge.

    >>> from qptlab import molecule
    >>> pyscf_fock(molecule("water"), "pbe/sto-3g").shape
    (7, 7)
    """
    mf = _settled(molecule, theory, "label")
    half = mf.get_ovlp() @ mf.mo_coeff
    return (half * mf.mo_energy) @ half.T


def _settled(molecule: Molecule, theory: str | Theory, what: str):
    """PySCF's mean field once it has converged to its own thresholds."""
    mf = pyscf_mean_field(molecule, theory)
    mf.conv_tol, mf.conv_tol_grad, mf.chkfile = 1e-9, None, None
    mf.kernel()
    if not mf.converged:
        raise NotConverged(f"no {what}: PySCF does not converge for {molecule.formula}")
    return mf


def pyscf_terms(mf, dm: np.ndarray) -> Energy:
    """PySCF's energy of a density matrix, split as ours is."""
    numint, one_density = mf._numint, dm if dm.ndim == 2 else dm[0] + dm[1]
    omega, alpha, hybrid = numint.rsh_and_hybrid_coeff(mf.xc)
    coulomb = mf.get_j(dm=one_density)
    exchange = hybrid * mf.get_k(dm=dm) if hybrid else np.zeros_like(dm)
    if omega:
        exchange = exchange + (alpha - hybrid) * mf.get_k(dm=dm, omega=omega)
    if mf.grids.coords is None:
        mf.grids.build()
    on_grid = numint.nr_rks if dm.ndim == 2 else numint.nr_uks
    _, xc, _ = on_grid(mf.mol, mf.grids, mf.xc, dm)
    return Energy(
        core=jnp.sum(mf.get_hcore() * one_density),
        coulomb=jnp.sum(0.5 * coulomb * one_density),
        exchange=jnp.asarray((-0.25 if dm.ndim == 2 else -0.5) * np.sum(exchange * dm)),
        xc=jnp.asarray(xc),
        nuclear=jnp.asarray(float(mf.energy_nuc())),
    )
