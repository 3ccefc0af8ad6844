"""Reading molecules: one strict door for files, texts and the objects of other programs.

`read` knows what kind of source it has and hands it to that kind's reader: `xyz`, `bonds` (.mol,
.sdf), `records` (.pdb, Gaussian input, `ase.Atoms`) or `smiles`. Each makes `Frame`s by
`frame.made`, which checks what all have in common; what a comment says of charge and spin is read
in `comments`. What is not understood is refused: nothing is passed over that may change a molecule.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from qptlab.errors import InputError, MissingFile, quoted
from qptlab.molecule import Molecule, Source
from qptlab.reading import bonds, records, xyz
from qptlab.reading.frame import Frame

if TYPE_CHECKING:
    from ase import Atoms
    from rdkit.Chem import Mol

Readable: TypeAlias = "Source | Atoms | Mol"
ENDINGS = {
    "xyz": (".xyz", ".extxyz"),
    "mol": (".mol", ".sdf", ".sd"),
    "pdb": (".pdb", ".ent"),
    "gaussian": (".gjf", ".com"),
}
"""How files of each kind end."""
GEOMETRY_ENDINGS = frozenset(ending for several in ENDINGS.values() for ending in several)
READERS = {
    "xyz": xyz.frames_of,
    "mol": bonds.frames_of,
    "pdb": records.pdb_frames,
    "gaussian": records.gaussian_frames,
}
MOST_BYTES = 2**30


def read(source: Readable, charge: int | None = None, spin: int | None = None) -> Molecule:
    """The molecule of a file, a text or another program's object; the first frame of several.

    Args:
        source: path or text of .xyz (plain, extended, or QM9's), .mol, .sdf, .pdb or Gaussian's
            .gjf, in ångström where the format does not say otherwise; an `ase.Atoms`; an RDKit
            molecule with a conformer.
        charge, spin: instead of what the source says; 0 where neither says anything.

    Raises:
        InputError: what is not understood, named; what is periodic, disordered, a dummy or a
            ghost; two molecules in one place.
        MissingFile: no such file.

    >>> read('''2
    ... hydroxide, charge=-1
    ... O 0 0 0
    ... H 0 0 0.97''')
    Molecule(HO, 2 atoms, 10 electrons, charge -1)
    """
    return next(frames_in(source, charge, spin)).molecule


from_xyz = read
"""Its name before other formats were read."""


def read_frames(
    source: Readable, charge: int | None = None, spin: int | None = None
) -> list[Molecule]:
    """Every frame, in order; otherwise as `read`."""
    return [frame.molecule for frame in frames_in(source, charge, spin)]


def frames_in(
    source: Readable, charge: int | None = None, spin: int | None = None
) -> Iterator[Frame]:
    """Every frame with its comment, one after the other; otherwise as `read`."""
    if hasattr(source, "get_chemical_symbols"):
        yield records.from_ase(source, charge, spin)
        return
    if hasattr(source, "GetConformer"):
        yield bonds.from_rdkit(source, charge, spin)
        return
    text, name, kind = _text_of(source)
    try:
        yield from READERS[kind](text, charge, spin)
    except InputError as error:
        raise InputError(f"{name}: {error}") from None


def _text_of(source: Source) -> tuple[str, str, str]:
    """Text, what to call it, and its kind."""
    if isinstance(source, str) and "\n" in source:
        kind = _kind(source)
        return source, f"{'Gaussian' if kind == 'gaussian' else kind} text", kind
    try:
        path = Path(source)
    except TypeError:
        raise InputError(
            f"{quoted(source)} is nothing to read a molecule from; give a path, a text, an "
            "ase.Atoms or an RDKit molecule"
        ) from None
    if path.is_dir():
        raise InputError(f"{path} is a folder; expected a file")
    if not path.is_file():
        raise MissingFile(f"no such file: {path}")
    if path.stat().st_size > MOST_BYTES:
        raise InputError(f"{path} is larger than {MOST_BYTES // 2**30} GiB; part it")
    # comments come in every encoding, and nothing else may hold odd characters
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    if "\0" in text:
        raise InputError(f"{path}: not a text file, so no geometry")
    ending = path.suffix.lower()
    kind = next((kind for kind, endings in ENDINGS.items() if ending in endings), None)
    return text, str(path), kind or _kind(text)


def _kind(text: str) -> str:
    """What a text looks like."""
    lines = text.splitlines()
    if any(version in line for line in lines[3:4] for version in ("V2000", "V3000")):
        return "mol"
    if any(line.startswith(records.ATOM_RECORDS) for line in lines):
        return "pdb"
    if next((line for line in lines if line.strip() and line[0] != "%"), "").startswith("#"):
        return "gaussian"
    return "xyz"
