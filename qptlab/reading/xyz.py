"""The .xyz family: plain, extended with columns and key=value, and QM9's raw files."""

import re
from collections.abc import Iterator, Sequence

import numpy as np
from ase.data import atomic_numbers

from qptlab.errors import InputError, quoted
from qptlab.molecule import element
from qptlab.reading.comments import said_in
from qptlab.reading.frame import Frame, made, real, refuse_dummy
from qptlab.reading.said import CHARGES, MOMENTS, Said, with_atoms

QM9_COMMENT = re.compile(r"gdb\s+\d+\s")
QM9_REST = 3
"""Lines after the atoms: frequencies, SMILES, InChI."""
_PROPERTIES = re.compile(r"""(?<!\w)properties\s*=\s*["']?([^\s"']+)["']?""", re.IGNORECASE)


def frames_of(text: str, charge: int | None, spin: int | None) -> Iterator[Frame]:
    """Every frame of an .xyz text; ångström unless a comment says bohr.

    Raises:
        InputError: what is not as the format asks, with the number of its line and frame.
    """
    # not str.splitlines: a comment may hold what else parts lines, a form feed for example
    lines = text.replace("\r\n", "\n").replace("\r", "\n").rstrip().split("\n")
    if lines == [""]:
        raise InputError("empty; an .xyz file starts with the number of atoms")
    at, number = 0, 0
    while at < len(lines):
        first = lines[at].strip()
        if number and not first:  # some programs part frames by an empty line
            at += 1
            continue
        number += 1
        here = f"frame {number}, " if number > 1 else ""
        count = int(first) if re.fullmatch("[0-9]{1,9}", first) else 0
        if count < 1:
            raise InputError(
                f"{here}line {at + 1}: expected the number of atoms; got {quoted(first)}"
            )
        body = lines[at + 2 : at + 2 + count]
        if len(body) < count:
            raise InputError(f"{here}{count} atoms announced, {len(body)} found")
        try:
            frame = _frame(lines[at + 1], body, at + 3, charge, spin)
        except InputError as error:
            raise InputError(f"{here}{error}") from None
        yield frame
        at += 2 + count
        if QM9_COMMENT.match(frame.comment) and len(lines) == at + QM9_REST:
            return


def _frame(
    comment: str, body: Sequence[str], first_line: int, charge: int | None, spin: int | None
) -> Frame:
    properties = _PROPERTIES.search(comment)
    if properties:
        symbols, positions, columns = _with_columns(body, first_line, properties[1])
        words = _PROPERTIES.sub(" ", comment)
    else:
        symbols, positions = _plain(body, first_line)
        columns, words = {}, comment
    qm9 = QM9_COMMENT.match(comment)
    try:
        said = Said() if qm9 else said_in(words, charge, spin)
        said = with_atoms(said, columns, charge, spin)
    except InputError as error:
        raise InputError(f"line {first_line - 1}: {error}") from None
    return Frame(made(symbols, positions, said, charge, spin), comment, _info(comment))


def _plain(body: Sequence[str], first_line: int) -> tuple[list[str], np.ndarray]:
    """Element and three numbers; what follows them is passed over, if it must follow."""
    symbols, positions, rows = [], [], [row.split() for row in body]
    for number, words in enumerate(rows, start=first_line):
        if words:
            _checkreal(number, number - first_line + 1, words[0])
        try:
            symbols.append(element(words[0]))
            positions.append([real(word) for word in words[1:4]])
            if len(words) < 4:
                raise ValueError
        except (ValueError, IndexError):
            raise InputError(
                f"line {number}: expected an element and three numbers in ångström; "
                f"got {quoted(body[number - first_line].strip())}"
            ) from None
    if all(len(words) > 4 for words in rows) and (
        all(real(words[1]) == atomic_numbers[s] for words, s in zip(rows, symbols, strict=True))
        or all(words[1].lstrip("+-").isdigit() and "." in words[4] for words in rows)
    ):
        raise InputError(
            f"line {first_line}: {quoted(body[0].strip())} may hold another number before the "
            "position; name the columns by Properties="
        )
    return symbols, np.array(positions)


def _with_columns(
    body: Sequence[str], first_line: int, properties: str
) -> tuple[list[str], np.ndarray, dict[str, np.ndarray]]:
    """Symbols, positions and what charges and moments there are, from the columns as named."""
    from ase.io.extxyz import parse_properties  # takes a while, and most files do not need it

    try:
        known, _, dtype, convert = parse_properties(properties)
        fields = {name.lower(): columns for name, columns in _places(known)}
        where = fields.get("pos") or fields.get("positions")
        what = fields.get("species") or fields.get("symbols") or fields.get("z")
        if len(where) != 3 or len(what) != 1 or len(properties.split(":")) % 3:
            raise ValueError
    except (ValueError, KeyError, TypeError):
        raise InputError(
            f"Properties={quoted(properties)} is not understood; expected for example "
            "species:S:1:pos:R:3"
        ) from None
    numeric = [i for i in range(len(convert)) if dtype[i].kind in "fi"]
    rows = [row.split() for row in body]
    for number, (words, row) in enumerate(zip(rows, body, strict=True), start=first_line):
        try:
            if (
                len(words) != len(convert)
                or not np.isfinite([real(words[i]) for i in numeric]).all()
            ):
                raise ValueError
        except ValueError:
            raise InputError(
                f"line {number}: expected the {len(convert)} columns of "
                f"Properties={quoted(properties)}; got {quoted(row.strip())}"
            ) from None
        _checkreal(number, number - first_line + 1, words[what[0]])
    table = np.array(rows, dtype=object)
    positions = np.array([[real(row[c]) for c in where] for row in rows])
    atoms = {
        name: np.array([real(word) for word in table[:, columns[0]]])
        for name, columns in fields.items()
        if len(columns) == 1 and name in {*CHARGES, *MOMENTS}
    }
    return [element(row[what[0]]) for row in rows], positions, atoms


def _places(known: dict[str, tuple[str, int]]) -> Iterator[tuple[str, range]]:
    """Every property with the numbers of its columns."""
    start = 0
    for name, (_, count) in known.items():
        yield name, range(start, start + count)
        start += count


def _checkreal(line: int, number: int, symbol: str) -> None:
    try:
        refuse_dummy(number, symbol)
    except InputError as error:
        raise InputError(f"line {line}: {error}") from None


def _info(comment: str) -> dict:
    if "=" not in comment:
        return {}
    from ase.io.extxyz import key_val_str_to_dict

    try:
        return key_val_str_to_dict(comment)
    except Exception:  # free text in odd brackets: the library raises several kinds
        return {}
