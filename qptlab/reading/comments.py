"""Charge, spin, units and periodicity as people write them in a comment line.

A comment is free text, and nothing in it may change a molecule unseen: a word for charge, spin,
units or a lattice is either understood, or the comment is refused with the words that were not.
"""

import re

from qptlab.errors import InputError, quoted
from qptlab.reading.said import Said

_KEY = r"(?<![\w/.-])(?:{})(?!\w)"
_IS = r"""["']?\s*[=:]\s*["'(\[]?\s*"""
_IS_OR_SPACE = rf"""(?:{_IS}|\s+(?:of\s+)?)"""
_WHOLE = r"""(?P<number>[+-]?\d+(?:\.0*)?|\d+[+-])(?=[\s,;:)\]}}"'|]|\.?$|\.\s)"""

_CHARGE = _KEY.format(r"(?:(?:total|net|molecular|molecule|mol|formal|system)[ _-]?)?charge|chrg")
_MULTIPLICITY = _KEY.format(r"(?:spin[ _-]?)?mult(?:iplicity)?|2s\+1")
_UNPAIRED = _KEY.format(r"spin|n?_?unpaired(?:[ _]electrons)?")
_MAGNETIC = _KEY.format(r"(?:(?:total|net|initial)[ _]?)?mag(?:netic[ _]?)?mom(?:ent)?")

_CHARGE_KEYS = rf"\w*charges?\w*{_IS}|(?<!\w)q{_IS}"
_CHARGE_WORDS = rf"{_CHARGE}|(?<!\w)(?:(?:di|tri|tetra)?(?:cat|an)ion|charged)(?!\w)"
_SPIN_KEYS = rf"\w*(?:magmoms?|spins?|mult|multiplicity){_IS}|(?<!\w)(?:uhf|nopen|2?s){_IS}"
_SPIN_WORDS = (
    rf"{_MULTIPLICITY}|{_UNPAIRED}|{_MAGNETIC}|(?<!\w)"
    r"(?:doublet|triplet|quartet|quintet|(?:di|bi)radical)(?!\w)"
)
LENGTH_UNITS = re.compile(
    _KEY.format(r"(?:(?:length|distance|position|coords?|coordinates?)[ _]?)?units?")
    + rf"""{_IS}(?P<unit>[^\s"',;}}\])]+)""",
    re.IGNORECASE,
)
BOHR_WORDS = re.compile(
    r"(?<![\w/*=:])bohrs?(?!\w)|coord\w*\s+(?:are\s+)?in\s+(?:a\.?u\b|atomic)|atomic units",
    re.IGNORECASE,
)
LATTICE = re.compile(_KEY.format(r"lattice|cell|unit[ _]?cell") + r'"?\s*[=:]', re.IGNORECASE)
PERIODIC = re.compile(
    _KEY.format(r"pbc|periodic")
    + r"""["']?\s*[=:]\s*(?P<value>"[^"]*"|'[^']*'|\[[^\]]*\]|[^\s,;}]+)""",
    re.IGNORECASE,
)
_CHARGE_AND_MULTIPLICITY = re.compile(r"\s*([+-]?\d+)[\s,]+(\d+)\s*")
_SIGNED = re.compile(r"\s*(?:[+-]\d+|\d+[+-])\s*")

ADVICE = {
    "charge": "write charge=N, a whole number",
    "spin": "write spin=N, the number of unpaired electrons, or multiplicity=N",
}
IN_ANGSTROM = {"angstrom", "angstroms", "ang", "a", "å", "ångström"}
IN_BOHR = {"bohr", "bohrs", "au", "a.u.", "a0", "atomic"}


def said_in(comment: str, charge: int | None = None, spin: int | None = None) -> Said:
    """What a comment says.

    Args:
        charge, spin: what the user said; of that the comment is not asked.

    Raises:
        InputError: words for charge, spin, units or a lattice that are not understood, two that
            contradict each other, or periodic boundaries.
    """
    text = comment.replace("\N{MINUS SIGN}", "-")
    _refuse_periodic(text)
    bare = _CHARGE_AND_MULTIPLICITY.fullmatch(text)
    if bare and int(bare[2]) and abs(int(bare[1])) < 10:
        said_charge, said_spin = int(bare[1]), int(bare[2]) - 1
    else:
        if charge is None and _SIGNED.fullmatch(text):
            raise InputError(f"{quoted(comment)} may be a charge; write charge=N")
        said_charge = charge if charge is not None else _charge(text)
        said_spin = spin if spin is not None else _spin(text)
    return Said(
        said_charge if charge is None else charge,
        said_spin if spin is None else spin,
        _in_bohr(text),
    )


def _charge(text: str) -> int | None:
    found, rest = _take(rf"(?:{_CHARGE}{_IS_OR_SPACE}|(?<!\w)q{_IS}){_WHOLE}", text)
    _refuse("charge", rest, _CHARGE_KEYS if found else f"{_CHARGE_KEYS}|{_CHARGE_WORDS}")
    return _one("charge", found)


def _spin(text: str) -> int | None:
    multiplicities, rest = _take(rf"{_MULTIPLICITY}{_IS_OR_SPACE}{_WHOLE}", text)
    keys = rf"{_UNPAIRED}{_IS_OR_SPACE}|(?<!\w)(?:uhf|nopen|2s){_IS}"
    unpaired, rest = _take(rf"(?:{keys}){_WHOLE}", rest)
    moments, rest = _take(rf"{_MAGNETIC}{_IS}{_WHOLE}", rest)
    found = [m - 1 for m in multiplicities] + unpaired + [abs(moment) for moment in moments]
    if min(found, default=0) < 0:
        raise InputError(f"no spin is below 0; {quoted(text)} says {min(found)}: {ADVICE['spin']}")
    _refuse("spin", rest, _SPIN_KEYS if found else f"{_SPIN_KEYS}|{_SPIN_WORDS}")
    return _one("spin", found)


def _take(pattern: str, text: str) -> tuple[list[int], str]:
    """Every number that the pattern finds, and the text without what was understood."""
    numbers = [match["number"] for match in re.finditer(pattern, text, re.IGNORECASE)]
    # chemists write 2- for -2
    signed = [n[-1] + n[:-1] if n[-1] in "+-" else n for n in numbers]
    return [int(float(n)) for n in signed], re.sub(pattern, " ", text, flags=re.IGNORECASE)


def _refuse(name: str, text: str, pattern: str) -> None:
    """Raise `InputError` where something of the pattern is left in the text."""
    if match := re.search(pattern, text, re.IGNORECASE):
        words = text[match.start() : match.end() + 20].strip()
        raise InputError(f"{name} is not understood from {quoted(words)}; {ADVICE[name]}")


def _one(name: str, found: list[int]) -> int | None:
    """The one value that was stated, or None where nothing is said."""
    if len(set(found)) > 1:
        several = " and ".join(map(str, dict.fromkeys(found)))
        raise InputError(f"the comment says {name} {several}; {ADVICE[name]}, once")
    return found[0] if found else None


def _in_bohr(text: str) -> bool:
    units = {match["unit"].lower() for match in LENGTH_UNITS.finditer(text)}
    wrong = units - IN_ANGSTROM - IN_BOHR
    vague = None if units else BOHR_WORDS.search(text)
    if wrong or vague or len(units) > 1:
        what = min(wrong, default="") or (vague[0] if vague else ", ".join(sorted(units)))
        raise InputError(
            f"units are not understood from {quoted(what)}; write units=angstrom or bohr"
        )
    return bool(units & IN_BOHR)


def _refuse_periodic(text: str) -> None:
    """Raise `InputError` for periodic boundaries; a lattice alone means them."""
    values = [match["value"].strip("\"'[]") for match in PERIODIC.finditer(text)]
    flags = {flag.lower() for value in values for flag in re.split(r"[\s,]+", value) if flag}
    if flags - {"f", "false", "0", "no", "none"} or (not values and LATTICE.search(text)):
        raise InputError(
            f"periodic, by its comment {quoted(text)}; only molecules are computed: "
            'write pbc="F F F" if it is one in a box'
        )
