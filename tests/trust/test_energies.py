"""Random molecules, written to a file, read again and computed, against PySCF called directly.

PySCF gets the positions that were drawn and, where the basis has one, its potential by name: it
shares neither our reading nor our choice of potentials.
"""

import itertools
import os
import random

import numpy as np
import pyscf.dft
import pyscf.gto
import pyscf.scf
import pytest
from ase import Atoms
from ase.io import write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import qptlab as ql
from qptlab.molecule import Molecule, to_xyz
from qptlab.reading import read
from qptlab.theory import FUNCTIONALS, parse_theory
from qptlab.units import ANGSTROM_PER_BOHR

pytestmark = pytest.mark.trust
CASES = int(os.environ.get("QPTLAB_TRUST_CASES", "200"))
CASES_OF_A_KIND = 8
"""Of one molecule and theory, whose programs are compiled once."""
MOLECULES = [
    ("hydrogen", 0, 0), ("lithium-hydride", 0, 0), ("water", 0, 0), ("water", 1, 1),
    ("hydroxyl", -1, 0), ("hydroxyl", 0, 1), ("ammonia", 0, 0), ("ammonia", 1, 1),
    ("methyl", 0, 1), ("methyl", 1, 0), ("methane", 0, 0), ("hydrogen-fluoride", 0, 0),
    ("nitrogen", 0, 0), ("carbon-monoxide", 0, 0), ("oxygen", 0, 2), ("nitric-oxide", 1, 0),
    ("hydrogen-cyanide", 0, 0), ("formaldehyde", 0, 0), ("hydrogen-sulfide", 0, 0),
    ("hydrogen-chloride", 0, 0), ("phosphine", 0, 0), ("silane", 0, 0),
]  # fmt: skip
POTENTIALS = {"sbkjc": "sbkjc", "lanl2dz": "lanl2dz", "ccecp-ccpvdz": "ccecp"}
BASES = ["sto-3g", "6-31g*", "def2-svp", "cc-pvdz", *POTENTIALS]
KINDS = list(itertools.product(MOLECULES, FUNCTIONALS, BASES))
random.Random(7).shuffle(KINDS)
KINDS = KINDS[: max(CASES // CASES_OF_A_KIND, 1)]
AGREE = 1e-7
"""Hartree; both converge density and commutator to 1e-8."""


def drawn(kind: tuple, seed: int) -> Molecule:
    """The molecule bent, stretched and turned at random."""
    name, charge, spin = kind
    rng = np.random.default_rng(seed)
    known = ql.molecule(name, charge, spin)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    bent = known.positions + rng.normal(0.0, 0.08, known.positions.shape)
    return Molecule(known.symbols, bent @ turn + rng.uniform(-3, 3, 3), charge, spin)


def written(mol: Molecule, way: str, place) -> object:
    """The molecule as something that `read` takes, charge and spin said in it."""
    atoms = Atoms(mol.symbols, mol.positions_angstrom)
    if way == "xyz":
        return to_xyz(mol, f"drawn charge={mol.charge} multiplicity={mol.spin + 1}")
    if way == "ase":
        atoms.info = {"charge": mol.charge, "spin": mol.spin}
        return atoms
    if way == "gjf":
        rows = [f"{s} {x:.12f} {y:.12f} {z:.12f}" for s, (x, y, z) in
                zip(mol.symbols, mol.positions_angstrom, strict=True)]  # fmt: skip
        return "\n".join(["#p", "", "drawn", "", f"{mol.charge} {mol.spin + 1}", *rows, "", ""])
    atoms.arrays["forces"] = np.ones((len(atoms), 3))
    atoms.info = {"total_charge": mol.charge, "spin": mol.spin}
    path = place / "drawn.xyz"
    write(path, atoms, format="extxyz", columns=["symbols", "forces", "positions"])
    return path


def judged(mol: Molecule, theory, dm0=None) -> tuple[float, bool]:
    """PySCF's energy, and whether it converged."""
    atoms = list(zip(mol.symbols, mol.positions_angstrom.tolist(), strict=True))
    other = pyscf.gto.M(
        atom=atoms, basis=theory.basis, ecp=POTENTIALS.get(theory.basis, {}),
        charge=mol.charge, spin=mol.spin, verbose=0,
    )  # fmt: skip
    kinds = pyscf.scf if theory.xc == "hf" else pyscf.dft
    name = ("U" if mol.spin else "R") + ("HF" if theory.xc == "hf" else "KS")
    mf = getattr(kinds, name)(other).density_fit(auxbasis="def2-universal-jkfit")
    if theory.xc != "hf":
        mf.xc, mf.grids.level = FUNCTIONALS[theory.xc], theory.grid
    mf.conv_tol, mf.conv_tol_grad, mf.max_cycle = 1e-11, 1e-6, 100
    return mf.kernel(dm0=dm0), mf.converged


@settings(
    max_examples=CASES, deadline=None, derandomize=CASES <= 200,
    suppress_health_check=list(HealthCheck), print_blob=True,
)  # fmt: skip
@given(
    number=st.integers(0, len(KINDS) - 1),
    seed=st.integers(0, 2**32 - 1),
    way=st.sampled_from(["xyz", "extxyz", "gjf", "ase"]),
)
def test_energies_are_pyscfs(number, seed, way, tmp_path_factory, tally):
    kind, xc, basis = KINDS[number]
    theory, mol = parse_theory(f"{xc}/{basis}"), drawn(kind, seed)
    found = read(written(mol, way, tmp_path_factory.mktemp("drawn")))
    assert (found.symbols, found.charge, found.spin) == (mol.symbols, mol.charge, mol.spin)
    np.testing.assert_allclose(found.positions, mol.positions, atol=1e-7 / ANGSTROM_PER_BOHR)
    ours = ql.scf(found, theory)
    if not ours.converged:
        assert "not converged" in ours.message
        tally("random molecules, not converged and said so")
        return
    theirs, converged = judged(mol, theory)
    total = float(ours.energy.total)
    if abs(total - theirs) > AGREE or not converged:  # another state: ours must be one, too
        tally("random molecules, of which PySCF by itself finds another state")
        theirs, converged = judged(mol, theory, ours.dm)
        assert converged
    assert total == pytest.approx(theirs, abs=AGREE)
    tally("random molecules, energy within 0.1 µHa of PySCF's")
