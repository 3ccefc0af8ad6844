"""The same calculation by an independent program, PySCF."""

import jax.numpy as jnp
import numpy as np

from qptlab.dft import Energy, ScfResult
from qptlab.dft.mol import AUX_BASIS
from qptlab.molecule import Molecule
from qptlab.theory import Theory
from qptlab.theory import theory as parse_theory

PYSCF_XC = {"lda": "slater,vwn5", "pbe": "pbe,pbe", "b3lyp5": "b3lyp5"}


def pyscf_mean_field(molecule: Molecule, theory: str | Theory):
    """A `pyscf.dft.RKS` object for the same functional, basis, grid and Coulomb treatment.

    Yours to change and run: `mf.kernel()`.
    """
    from pyscf import dft, gto

    theory = parse_theory(theory)
    _, ecp_numbers = gto.mole.bse_predefined_ecp(theory.basis, sorted(set(molecule.symbols)))
    mol = gto.M(
        atom=list(zip(molecule.symbols, molecule.positions.tolist(), strict=True)),
        unit="Bohr",
        basis=theory.basis,
        ecp=theory.basis if ecp_numbers else {},
        charge=molecule.charge,
        verbose=0,
    )
    mf = dft.RKS(mol, xc=PYSCF_XC[theory.xc])
    mf.grids.level = theory.grid
    mf.conv_tol, mf.conv_tol_grad = 1e-11, 1e-7
    return mf.density_fit(auxbasis=AUX_BASIS) if theory.coulomb == "df" else mf


def pyscf_scf(molecule: Molecule, theory: str | Theory) -> ScfResult:
    """PySCF's converged calculation, in our record."""
    theory = parse_theory(theory)
    mf = pyscf_mean_field(molecule, theory)
    mf.kernel()
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
        n_occ=mf.mol.nelectron // 2,
        fock_builds=mf.cycles + 1,
        converged=bool(mf.converged),
        message=f"{molecule.formula}, {theory}: {mf.e_tot:.8f} Ha; PySCF {word}.",
    )


def pyscf_energy(molecule: Molecule, theory: str | Theory) -> float:
    """PySCF's converged energy, hartree.

    Raises:
        ValueError: PySCF does not converge.
    """
    mf = pyscf_mean_field(molecule, theory)
    # the energy alone settles sooner than the density; its error stays below 1e-9 Ha
    mf.conv_tol, mf.conv_tol_grad = 1e-9, None
    energy = mf.kernel()
    if not mf.converged:
        raise ValueError(f"no reference energy: PySCF does not converge for {molecule.formula}")
    return float(energy)


def pyscf_terms(mf, dm: np.ndarray) -> Energy:
    """PySCF's energy of a density matrix, split as ours is."""
    numint = mf._numint
    coulomb, exchange = mf.get_jk(dm=dm)
    hybrid = numint.hybrid_coeff(mf.xc)
    if mf.grids.coords is None:
        mf.grids.build()
    _, xc, _ = numint.nr_rks(mf.mol, mf.grids, mf.xc, dm)
    return Energy(
        core=jnp.sum(mf.get_hcore() * dm),
        coulomb=jnp.sum(0.5 * coulomb * dm),
        exchange=jnp.sum(-0.25 * hybrid * exchange * dm),
        xc=jnp.asarray(xc),
        nuclear=jnp.asarray(float(mf.energy_nuc())),
    )
