"""One static web page with the orbitals of a result: a working slider, no kernel and no network."""

import base64
import gzip
import json
import re
import zlib
from collections.abc import Sequence
from pathlib import Path

from qptlab.dft.results import ScfResult
from qptlab.errors import InputError
from qptlab.files import replace_file
from qptlab.lab.html import text
from qptlab.lab.views.box import Box, byte_step, to_bytes
from qptlab.lab.views.bundle import BUNDLE, front_end, not_built_reason
from qptlab.lab.views.orbital_names import energy_text, orbital_index, orbital_name
from qptlab.lab.views.orbital_picture import DIFFERENCE, PREDICTED, PYSCF, Comparison
from qptlab.lab.views.orbital_view import scene
from qptlab.units import EV_PER_HARTREE

SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
LARGEST_MB = 3.0
"""Size of a page, in 10⁶ bytes, that still goes through every e-mail and learning platform."""


def orbital_page(
    result: ScfResult,
    path: str | Path,
    reference: ScfResult | None = None,
    orbitals: Sequence[str | int] | None = None,
    largest_mb: float = LARGEST_MB,
) -> None:
    """Write a web page that shows the orbitals of a result in 3D, anywhere and for ever.

    One file: open it from a disk, an e-mail or a web server. Nothing is fetched and nothing runs
    but the page itself.

    Args:
        result: an ScfResult or a Prediction; of an open shell, `result.of_spin("alpha")` or
            `result.of_spin("beta")`.
        path: a file to write; its name should end in `.html`.
        reference: PySCF's result for the same molecule, to compare with.
        orbitals: which to show, "homo", "lumo+1", … or numbers from 0 on; by default all, or
            as many around the gap as fit.
        largest_mb: size of the page, 10⁶ bytes, that the default keeps to.

    Raises:
        InputError: no such orbital, an open shell, a reference for another molecule or basis, or
            a 3D front end that was not built.
        OSError: the file cannot be written.
    """
    page = page_html(result, reference, orbitals, largest_mb)
    replace_file(path, page.encode())


def page_html(
    result: ScfResult,
    reference: ScfResult | None = None,
    orbitals: Sequence[str | int] | None = None,
    largest_mb: float = LARGEST_MB,
) -> str:
    """The text of the page that `orbital_page` writes; arguments and errors are the same."""
    if not BUNDLE.exists():
        raise InputError(not_built_reason())
    comparison = Comparison.of(result, reference)
    data = _data(comparison)
    library = _packed(gzip.compress(front_end().encode(), 9, mtime=0))
    parts = {"STYLE": _template("css"), "SCRIPT": _template("js"), "LIBRARY": library}
    frame = _template("html")
    chosen = None if orbitals is None else _chosen(result, orbitals)
    room = largest_mb * 1e6 - sum(map(len, [json.dumps(data), frame, *parts.values()]))
    data["orbitals"] = _entries(comparison, chosen, room)
    parts["HEADING"] = text(data["heading"])
    # "<" never as itself, so that no text can end the script element
    parts["DATA"] = json.dumps(data, ensure_ascii=False).replace("<", r"\u003c")
    return re.sub(r"\{\{([A-Z]+)\}\}", lambda hole: parts[hole[1]], frame)


def _data(comparison: Comparison) -> dict:
    """What the page shows besides the orbitals."""
    result, reference = comparison.result, comparison.reference
    levels = zip(_modes(comparison), (result, reference), strict=False)
    return {
        "heading": f"Orbitals of {result.molecule.formula.translate(SUBSCRIPTS)}",
        "message": result.message,
        "modes": _modes(comparison),
        "levels": [
            {"name": name, "energies": [round(float(energy), 6) for energy in of.mo_energy]}
            for name, of in levels
        ],
        "occupied": result.n_occ,
        "count": len(result.mo_energy),
        "evPerHartree": EV_PER_HARTREE,
        "scene": scene(result.molecule, Box.around(result.molecule.positions))
        | {"scale": byte_step()},
    }


def _chosen(result: ScfResult, orbitals: Sequence[str | int]) -> list[int]:
    n_mo = len(result.mo_energy)
    names = [orbitals] if isinstance(orbitals, str) else orbitals
    chosen = sorted({orbital_index(which, result.n_occ, n_mo) for which in names})
    if not chosen:
        raise InputError('a page needs at least one orbital; give names such as "homo", or None')
    return chosen


def _entries(comparison: Comparison, chosen: list[int] | None, room: float) -> list[dict]:
    """The chosen orbitals; by default as many next to the gap as fit in `room` bytes."""
    if chosen is not None:
        return [_entry(comparison, index) for index in chosen]
    n_occ, n_mo = comparison.result.n_occ, len(comparison.result.mo_energy)
    entries: list[dict] = []
    # HOMO, LUMO, HOMO-1, LUMO+1, …
    for index in sorted(range(n_mo), key=lambda i: abs(i - n_occ + 0.501)):
        entry = _entry(comparison, index)
        room -= len(json.dumps(entry)) + len(", ")
        if room < 0 and entries:
            break
        entries.append(entry)
    return sorted(entries, key=lambda entry: entry["index"])


def _entry(comparison: Comparison, index: int) -> dict:
    """One orbital as the page needs it, with a picture for each mode."""
    result = comparison.result
    return {
        "index": index,
        "name": orbital_name(index, result.n_occ),
        "energy": energy_text(float(result.mo_energy[index])),
        "pictures": [_picture(comparison, index, mode) for mode in _modes(comparison)],
    }


def _picture(comparison: Comparison, index: int, mode: str) -> dict:
    """The traits of the 3D view that change with the orbital, the field packed."""
    picture = comparison.picture(index, mode)
    return {
        "field": _packed(zlib.compress(to_bytes(picture.field), 9)),
        "title": picture.title,
        "legend": picture.legend,
        "note": picture.note,
        "alt": picture.in_words(comparison.result.molecule.formula),
    }


def _modes(comparison: Comparison) -> list[str]:
    return [PREDICTED] if comparison.reference is None else [PREDICTED, PYSCF, DIFFERENCE]


def _packed(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _template(ending: str) -> str:
    return Path(__file__).with_suffix(f".{ending}").read_text(encoding="utf-8")
