"""Molecules at which an SCF from an ordinary guess is hard, with PySCF's lowest energies.

`PYTHONPATH=. python tests/hard_molecules.py` adds those that the file does not have yet: bonds
pulled apart, double bonds twisted, small gaps, diradicals, cumulenes, dianions; closed shells all.
"""

from pathlib import Path

import numpy as np
from pyscf import lib
from scipy.spatial.transform import Rotation

from qptlab.library import molecule
from qptlab.molecule import Molecule, to_xyz
from qptlab.reading import frames_in
from qptlab.reading.smiles import from_smiles
from qptlab.reference import pyscf_mean_field
from qptlab.theory import parse_theory
from qptlab.units import ANGSTROM_PER_BOHR

FILE = Path(__file__).parent / "data" / "hard_molecules.xyz"
THEORY = parse_theory("b3lyp5/def2-svp")
GUESSES = "minao", "huckel", "1e"


def frames() -> dict[str, tuple[Molecule, float]]:
    """{name: molecule, PySCF's energy in hartree}, as the file has them."""
    found = {}
    for frame in frames_in(FILE):
        found[frame.info["name"]] = frame.molecule, float(frame.info["energy_ha"])
    return found


def lowest_energy(case: Molecule) -> float:
    """The lowest restricted energy that PySCF finds with whole occupations, hartree.

    From each of its guesses; where its stability analysis finds a way down, second-order steps
    follow it to the end.
    """
    lowest = np.inf
    for guess in GUESSES:
        mf = _limited(pyscf_mean_field(case, THEORY))
        mf.init_guess = guess
        mf.kernel()
        for _ in range(4):
            lowest = min(lowest, float(mf.e_tot)) if mf.converged else lowest
            coeff, _, stable, _ = mf.stability(return_status=True)
            if mf.converged and stable:
                break
            start = mf.make_rdm1(coeff, mf.mo_occ)
            mf = _limited(pyscf_mean_field(case, THEORY)).newton()
            mf.kernel(dm0=start)
    return lowest


def _limited(mf):
    mf.conv_tol, mf.conv_tol_grad, mf.max_cycle, mf.chkfile = 1e-10, 1e-5, 40, None
    return mf


def atoms(text: str, charge: int = 0, turn: int | None = None) -> Molecule:
    """From "H 0 0 0, F 0 0 0.917" in ångström; turned at random where a seed is given."""
    rows = [row.split() for row in text.split(",")]
    positions = np.array([[float(x) for x in row[1:]] for row in rows])
    if turn is not None:
        positions = positions @ Rotation.random(rng=np.random.default_rng(turn)).as_matrix().T
    return Molecule(tuple(row[0] for row in rows), positions / ANGSTROM_PER_BOHR, charge)


def pair(a: str, b: str, angstrom: float, charge: int = 0, turn: int | None = None) -> Molecule:
    """Two atoms."""
    return atoms(f"{a} 0 0 0, {b} 0 0 {angstrom}", charge, turn)


def pulled(case: Molecule, still: int, pulled: int, angstrom: float, along=()) -> Molecule:
    """A bond of another length: atom `pulled`, and those `along` with it, moved away."""
    positions = np.array(case.positions)
    bond = positions[pulled] - positions[still]
    length = np.linalg.norm(bond)
    positions[[pulled, *along]] += bond * (angstrom / ANGSTROM_PER_BOHR / length - 1)
    return case.with_positions(positions)


def twisted(case: Molecule, still: int, turned: int, degrees: float, along) -> Molecule:
    """Atoms `along` turned about a bond."""
    positions = np.array(case.positions)
    axis = positions[turned] - positions[still]
    turn = Rotation.from_rotvec(np.radians(degrees) * axis / np.linalg.norm(axis))
    positions[[*along]] = turn.apply(positions[[*along]] - positions[still]) + positions[still]
    return case.with_positions(positions)


def neighbours(case: Molecule, atom: int, symbol: str) -> list[int]:
    """Its nearest atoms of an element, nearest first."""
    distances = np.linalg.norm(case.positions - case.positions[atom], axis=1)
    near = [int(i) for i in np.argsort(distances) if i != atom and case.symbols[i] == symbol]
    return [i for i in near if distances[i] * ANGSTROM_PER_BOHR < 1.7]


def half(case: Molecule, atom: int) -> list[int]:
    """The hydrogens of an atom."""
    return neighbours(case, atom, "H")


def square(long: float, short: float) -> Molecule:
    """Cyclobutadiene, C–C bonds of these lengths in ångström."""
    x, y, h = long / 2, short / 2, 1.08 / np.sqrt(2)
    corners = [(1, 1), (-1, 1), (-1, -1), (1, -1)]
    rows = [f"C {sx * x} {sy * y} 0" for sx, sy in corners]
    rows += [f"H {sx * (x + h)} {sy * (y + h)} 0" for sx, sy in corners]
    return atoms(", ".join(rows))


def bond_cases() -> dict[str, Molecule]:
    """Bonds pulled apart."""
    ethanol, ethane, water = molecule("ethanol"), from_smiles("CC"), molecule("water")
    oxygen = ethanol.symbols.index("O")
    hydroxyl = neighbours(ethanol, oxygen, "H")[0]
    peroxide, cyanide = from_smiles("OO"), molecule("hydrogen-cyanide")
    formaldehyde, acetylene = molecule("formaldehyde"), from_smiles("C#C")
    o1, o2 = (i for i, s in enumerate(peroxide.symbols) if s == "O")
    nitrogen, carbon = cyanide.symbols.index("N"), cyanide.symbols.index("C")
    c, o = formaldehyde.symbols.index("C"), formaldehyde.symbols.index("O")
    oxygen_of_water = water.symbols.index("O")
    hydrogen_of_water = water.symbols.index("H")
    return {
        "hydrogen-2.0": pair("H", "H", 2.0),
        "hydrogen-3.0": pair("H", "H", 3.0),
        "hydrogen-fluoride-2.0": pair("H", "F", 2.0),
        "hydroxide-2.0": pair("O", "H", 2.0, charge=-1, turn=12),
        "carbon-monoxide-1.7": pair("C", "O", 1.7, turn=13),
        "cyanide-2.0": pair("C", "N", 2.0, charge=-1),
        "hydrogen-4.0": pair("H", "H", 4.0, turn=1),
        "nitrogen-1.5": pair("N", "N", 1.5),
        "nitrogen-2.0": pair("N", "N", 2.0, turn=2),
        "nitrogen-3.0": pair("N", "N", 3.0),
        "fluorine-2.0": pair("F", "F", 2.0, turn=3),
        "fluorine-5.0": pair("F", "F", 5.0),
        "hydrogen-fluoride-2.5": pair("H", "F", 2.5, turn=4),
        "carbon-monoxide-2.0": pair("C", "O", 2.0),
        "water-2.0": pulled(water, oxygen_of_water, hydrogen_of_water, 2.0),
        "water-2.5": pulled(water, oxygen_of_water, hydrogen_of_water, 2.5),
        "hydroxide-2.5": pair("O", "H", 2.5, charge=-1),
        "ethanol-2.0": pulled(ethanol, oxygen, hydroxyl, 2.0),
        "ethane-3.0": pulled(ethane, 0, 1, 3.0, half(ethane, 1)),
        "hydrogen-peroxide-2.5": pulled(peroxide, o1, o2, 2.5, half(peroxide, o2)),
        "hydrogen-cyanide-2.0": pulled(cyanide, carbon, nitrogen, 2.0),
        "formaldehyde-2.0": pulled(formaldehyde, c, o, 2.0),
        "acetylene-2.0": pulled(acetylene, 0, 1, 2.0, half(acetylene, 1)),
        "methane-3.0": pulled(molecule("methane"), 0, 1, 3.0),
        "ammonia-2.5": pulled(molecule("ammonia"), 0, 1, 2.5),
    }


def twisted_cases() -> dict[str, Molecule]:
    """Double bonds twisted, and cumulenes."""
    ethylene, allene, butatriene = (from_smiles(s) for s in ("C=C", "C=C=C", "C=C=C=C"))
    imine, butadiene = from_smiles("C=N"), from_smiles("C=CC=C")
    return {
        **{f"ethylene-{d}": twisted(ethylene, 0, 1, d, half(ethylene, 1)) for d in (60, 75, 90)},
        **{f"propadiene-{d}": twisted(allene, 1, 2, d, half(allene, 2)) for d in (45, 90)},
        "methanimine-90": twisted(imine, 0, 1, 90, half(imine, 1)),
        "butadiene-90": twisted(butadiene, 0, 1, 90, half(butadiene, 0)),
        "butatriene": butatriene,
        "butatriene-90": twisted(butatriene, 2, 3, 90, half(butatriene, 3)),
        "pentatetraene": from_smiles("C=C=C=C=C"),
        "hexapentaene": from_smiles("C=C=C=C=C=C"),
    }


def gap_cases() -> dict[str, Molecule]:
    """Small gaps, diradicals and anions."""
    return {
        "carbon-2": pair("C", "C", 1.243),
        "oxygen-singlet": pair("O", "O", 1.208, turn=5),
        "imidogen-singlet": pair("N", "H", 1.036),
        "fluoronitrene": pair("N", "F", 1.317, turn=6),
        "methylene-singlet": atoms("C 0 0 0, H 0.86 0 0.69, H -0.86 0 0.69", turn=7),
        "methylene-linear": atoms("C 0 0 0, H 0 0 1.07, H 0 0 -1.07"),
        "ozone": atoms("O 0 0 0, O 1.09 0 0.67, O -1.09 0 0.67", turn=8),
        "ozone-60": atoms("O 0 0 0, O 0.72 0 1.247, O -0.72 0 1.247"),
        "nitrite": atoms("N 0 0 0, O 1.06 0 0.66, O -1.06 0 0.66", charge=-1),
        "cyclobutadiene-square": square(1.44, 1.44),
        "cyclobutadiene-long": square(1.56, 1.34),
        "cyanide-1.7": pair("C", "N", 1.7, charge=-1, turn=9),
        "peroxide-dianion": pair("O", "O", 1.55, charge=-2),
        "carbide-dianion": pair("C", "C", 1.26, charge=-2, turn=10),
        "carbonate": atoms(
            "C 0 0 0, O 1.29 0 0, O -0.645 1.1172 0, O -0.645 -1.1172 0", charge=-2, turn=11
        ),
        "oxalate": from_smiles("[O-]C(=O)C(=O)[O-]"),
        "nitrogen-dication": pair("N", "N", 1.2, charge=2),
        "dinitrogen-dioxide": atoms("N 0 0 0, N 2.2 0 0, O -0.2 1.14 0, O 2.4 1.14 0"),
        "para-benzyne": atoms(
            "C 0 1.35 0, C 0 -1.35 0, C 1.23 0.70 0, C 1.23 -0.70 0, C -1.23 0.70 0, "
            "C -1.23 -0.70 0, H 2.16 1.24 0, H 2.16 -1.24 0, H -2.16 1.24 0, H -2.16 -1.24 0"
        ),
        "trimethylenemethane": from_smiles("C=C([CH2])[CH2]", spin=0),
        "hydrogen-square": atoms("H 0 0 0, H 1.23 0 0, H 0 1.23 0, H 1.23 1.23 0"),
    }


def cases() -> dict[str, Molecule]:
    """All of them, by name."""
    return bond_cases() | twisted_cases() | gap_cases()


def main() -> None:
    """Write `FILE`."""
    lib.num_threads(1)
    FILE.parent.mkdir(exist_ok=True)
    done = frames() if FILE.exists() else {}
    with FILE.open("a", encoding="utf-8") as file:
        missing = {name: case for name, case in cases().items() if name not in done}
        for name, case in sorted(missing.items(), key=lambda item: len(item[1].symbols)):
            energy = lowest_energy(case)
            said = f"name={name} charge={case.charge} energy_ha={energy:.8f}"
            print(said, flush=True)
            file.write(to_xyz(case, said))
            file.flush()


if __name__ == "__main__":
    main()
