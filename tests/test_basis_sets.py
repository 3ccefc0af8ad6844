"""Every basis set of PySCF is right or refused: no valence set without its core potential.

`python tests/test_basis_sets.py > tests/data/basis_sets.txt` writes the table again.
"""

import itertools
import sys
from pathlib import Path

import numpy as np
import pytest
from geometries import distorted, linear
from pyscf import gto, scf
from pyscf.data.elements import ELEMENTS
from pyscf.gto.mole import BSE_META
from test_nuclear import along, check, random
from tiers import rest_slow

from qptlab import dft
from qptlab.dft.basis_sets import core_potential, library_shells, orbital_shells
from qptlab.dft.mol import pyscf_mol
from qptlab.dft.nuclear import h_core_vjp
from qptlab.errors import InputError
from qptlab.library import molecule
from qptlab.molecule import Molecule
from qptlab.reference import pyscf_mean_field
from qptlab.theory import Theory

TABLE = Path(__file__).parent / "data" / "basis_sets.txt"
POPLE = (f"{core}{diffuse}g(d,p)" for core in ("631", "6311") for diffuse in ("", "+", "++"))
NAMES = [*gto.basis.ALIAS, *gto.basis.GTH_ALIAS, *gto.basis.PP_ALIAS, *POPLE]
PARTS = 48


def verdict(name: str, element: str) -> str:
    """What happens to an element: all its electrons, a core of n replaced, refused, or missing."""
    try:
        orbital_shells(name, element)
    except InputError as error:
        return "missing" if "has no functions" in str(error) else "refused"
    potential = core_potential(name, element)
    return f"core {potential[0]}" if potential else "all"


def row(name: str) -> str:
    verdicts = ((element, verdict(name, element)) for element in ELEMENTS[1:])
    runs = [
        (what, [element for element, _ in run])
        for what, run in itertools.groupby(verdicts, key=lambda pair: pair[1])
    ]
    return f"{name}: " + "; ".join(
        f"{run[0]}-{run[-1]} {what}" for what, run in runs if what != "missing"
    )


def table() -> dict[str, dict[int, str]]:
    """{name: {atomic number: verdict}} as written."""
    found = {}
    for line in TABLE.read_text(encoding="ascii").splitlines():
        name, _, runs = line.partition(": ")
        found[name] = {}
        for run in runs.split("; ") if runs else ():
            elements, what = run.split(" ", 1)
            first, last = map(gto.charge, elements.split("-"))
            found[name] |= dict.fromkeys(range(first, last + 1), what)
    return found


@pytest.mark.parametrize("part", rest_slow(range(PARTS), [5]))
def test_the_table_holds(part):
    rows = TABLE.read_text(encoding="ascii").splitlines()
    assert len(rows) == len(NAMES)
    for name, written in list(zip(NAMES, rows, strict=True))[part::PARTS]:
        assert row(name) == written


def test_potentials_are_where_the_basis_set_exchange_has_them():
    compared = 0
    for name, verdicts in table().items():
        _, with_potential, _ = BSE_META.get(name, (None, [], None))
        for number, what in verdicts.items():
            if with_potential and what != "refused":
                compared += 1
                assert what.startswith("core") == (number in with_potential), (name, number)
    assert compared > 1000


def test_an_element_without_potential_has_its_1s_level():
    """Independent of names: h of the bare nucleus, by PySCF from its own file."""
    for name, element in itertools.product(("sto-3g", "6-31g*", "pcseg-1", "dzp"), ("C", "Cl")):
        atom = gto.M(atom=element, basis=name, spin=None, verbose=0)
        level = scf.hf.eig(scf.hf.get_hcore(atom), atom.intor("int1e_ovlp"))[0][0]
        assert abs(level / (-(gto.charge(element) ** 2) / 2) - 1) < 0.025
        assert verdict(name, element) == "all"


# What PySCF has to be told: the potential of each element, by the name of PySCF's file.
WITH_POTENTIAL = {
    "water sbkjc": (distorted("water"), "sbkjc", {"O": "sbkjc"}),
    "water ccecp": (distorted("water"), "ccecp-cc-pVDZ", {"O": "ccecp", "H": "ccecp"}),
    "water bfd": (distorted("water"), "bfd-vdz", {"O": "bfd", "H": "bfd"}),
    "water crenbl": (distorted("water"), "crenbl", {"O": "crenbl"}),
    "water qavg-vszps": (distorted("water"), "qavg-vszps", {"O": "ecp-q-vszp"}),
    "water 6-31G(d,p)": (distorted("water"), "6-31G(d,p)", {}),
    "water ano cut": (distorted("water"), "ano@3s2p1d", {}),
    "HCl sbkjc": (linear("H", "Cl", distance=2.4), "sbkjc", {"Cl": "sbkjc"}),
    "Cl2 stuttgart": (linear("Cl", "Cl", distance=3.8), "stuttgart", {"Cl": "stuttgart"}),
    "HCl lanl2dz": (linear("H", "Cl", distance=2.4), "lanl2dz", {"Cl": "lanl2dz"}),
    "HBr ccecp": (linear("H", "Br", distance=2.7), "ccecp-ccpvdz", {"H": "ccecp", "Br": "ccecp"}),
    "HI def2": (linear("H", "I", distance=3.0), "def2_mTZVP", {"I": "def2-svp"}),
    "HI ma-def2": (linear("H", "I", distance=3.0), "ma-def2-svp", {"I": "def2-svp"}),
    "I2 cc-pvdz-pp": (linear("I", "I", distance=5.0), "cc-pvdz-pp", {"I": "cc-pvdz-pp"}),
    "Ag2 cc-pwcvdz-pp": (
        linear("Ag", "Ag", distance=4.8),
        "cc-pwcvdz-pp",
        {"Ag": "cc-pvdz-pp"},
    ),
    "ZnH2 sbkjc": (linear("H", "Zn", "H", distance=2.9), "sbkjc", {"Zn": "sbkjc"}),
    "ZnH2 ccecp": (
        linear("H", "Zn", "H", distance=2.9),
        "ccecpccpvdz",
        {"H": "ccecp", "Zn": "ccecp"},
    ),
    "CuF crenbl": (
        linear("Cu", "F", distance=3.3),
        "crenbl",
        {"Cu": "crenbl", "F": "crenbl"},
    ),
}
OWN_SCF = ["water sbkjc"]
HEAVY = ["Ag2 cc-pwcvdz-pp", "ZnH2 ccecp"]


def told(case: Molecule, basis: str, potentials: dict[str, str]):
    """PySCF's own molecule, nothing of ours."""
    return gto.M(
        atom=list(zip(case.symbols, case.positions.tolist(), strict=True)),
        unit="Bohr",
        basis=basis,
        ecp=potentials,
        verbose=0,
    )


@pytest.mark.parametrize("name", rest_slow(WITH_POTENTIAL, set(WITH_POTENTIAL) - set(HEAVY)))
def test_potentials_are_those_pyscf_was_told(name):
    case, basis, potentials = WITH_POTENTIAL[name]
    level = Theory("hf", basis, coulomb="exact")
    expected = told(case, basis, potentials)
    for mol in (pyscf_mol(case, level), pyscf_mean_field(case, level).mol):
        assert mol.nelectron == expected.nelectron
        assert mol.energy_nuc() == pytest.approx(expected.energy_nuc(), abs=1e-10)
        for matrix in ("int1e_ovlp", "int1e_kin"):
            np.testing.assert_allclose(mol.intor(matrix), expected.intor(matrix), atol=1e-12)
        h_core, direct = scf.hf.get_hcore(mol), scf.hf.get_hcore(expected)
        np.testing.assert_allclose(h_core, direct, atol=1e-10)


@pytest.mark.parametrize("name", rest_slow(WITH_POTENTIAL, OWN_SCF))
def test_energies_are_those_of_pyscf_told(name):
    case, basis, potentials = WITH_POTENTIAL[name]
    judge = scf.RHF(told(case, basis, potentials)).run(conv_tol=1e-11)
    result = dft.scf(case, Theory("hf", basis, coulomb="exact"))
    assert judge.converged and result.converged
    assert float(result.energy.total) == pytest.approx(judge.e_tot, abs=1e-7)


@pytest.mark.parametrize("name", ["water ccecp", "HCl sbkjc", "water qavg-vszps"])
def test_core_hamiltonians_derivative(name):
    case, basis, _ = WITH_POTENTIAL[name]
    level = Theory("hf", basis)
    mol = pyscf_mol(case, level)
    bar = random(mol.nao, mol.nao)
    slope = along(case, level, lambda mol, _: np.sum(bar * scf.hf.get_hcore(mol)))
    check(h_core_vjp(mol, bar), *slope)


REFUSED = {
    "gth-dzvp": "for GTH pseudopotentials",
    "GTH-PADE": "for GTH pseudopotentials",
    "DZVP-MOLOPT-SR-GTH": "for GTH pseudopotentials",
    "ccecp": "is a core potential, not a basis",
    "bfd_pp": "is a core potential, not a basis",
    "ECP-q-vSZP": "is a core potential, not a basis",
    "weigend": "is for fitting, not for orbitals",
    "def2-universal-jkfit": "is for fitting, not for orbitals",
    "cc-pVDZ-RI": "is for fitting, not for orbitals",
    "ahlrichs": "is for fitting, not for orbitals",
    "aug-cc-pVDZ-OptRI": "is for fitting, not for orbitals",
    "sap_grasp_small": "is for fitting, not for orbitals",
    "ccecp-he-ccpvdz": "has no functions for H",
    "6-31g(d": "unknown basis",
    "6-31g*(d)": "unknown basis",
    "6-31g(d,p)x": "unknown basis",
    "def2-svp@": "unknown basis",
    "def2-svp@2p1s": "has no such functions for",
    "def2-svp@9s": "has no such functions for",
    "def2-svp@1s1p": "too few functions for the electrons of O",
    "": "no basis set",
    "O  S\n 1.0 1.0\n": "unknown basis",
    "../def2-svp.dat": "unknown basis",
}


@pytest.mark.parametrize("name", REFUSED)
def test_other_names_are_refused_in_one_sentence(name):
    with pytest.raises(InputError, match=REFUSED[name]) as caught:
        pyscf_mol(molecule("water"), Theory("hf", name))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name, element", [("cc-pvdz-pp-nr", "Cu"), ("minao", "I"), ("ma-def2-svp", "Gd"), ("ano", "Pb")]
)
def test_valence_sets_without_a_potential_are_refused(name, element):
    with pytest.raises(InputError, match=f"gives the 1s electrons of {element} .*% of their"):
        orbital_shells(name, element)


@pytest.mark.parametrize("name", ["def2_svp", "DEF2SVP", "def2 svp", "Def2-SVP"])
def test_spellings(name):
    assert orbital_shells(name, "I") == gto.basis.load("def2-svp", "I")
    assert core_potential(name, "I") == gto.basis.load_ecp("def2-svp", "I")


def test_files_are_no_basis_sets(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("sto-3g", "sto3g", "sbkjc", "mine.dat"):
        Path(name).write_text("O  S\n 1.0 1.0\n", encoding="ascii")
    library_shells.cache_clear()
    assert len(orbital_shells("sto-3g", "O")) == 3
    assert core_potential("sbkjc", "O")[0] == 2
    with pytest.raises(InputError, match=r"unknown basis .mine\.dat."):
        orbital_shells("mine.dat", "O")


def test_fitted_integrals_are_refused_where_they_lack_a_core():
    case = linear("H", "I", distance=3.0)
    with pytest.raises(InputError, match="fits 25 electrons of I, sto-3g has 53"):
        pyscf_mol(case, Theory("hf", "sto-3g"))
    assert pyscf_mol(case, Theory("hf", "sto-3g", coulomb="exact")).nelectron == 54
    assert pyscf_mol(case, Theory("hf", "def2-svp")).nelectron == 26


if __name__ == "__main__":
    sys.stdout.writelines(row(name) + "\n" for name in NAMES)
