"""Malformed input at every door: refused in one line, status 2, at once and without a traceback.

What is well-formed by chance is not computed: it counts as let in.
"""

import os
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qptlab.cli import commands, main
from qptlab.errors import LONGEST_SENTENCE, InputError
from qptlab.lab.panels.molecule_input import OWN, MoleculeInput
from qptlab.molecule import Molecule
from qptlab.reading import read_frames
from qptlab.reading.smiles import from_smiles

pytestmark = pytest.mark.trust
SCALE = int(os.environ.get("QPTLAB_TRUST_CASES", "200")) / 200
MOST_SECONDS = 5.0
TRIED = {
    "deadline": None, "derandomize": SCALE <= 1, "suppress_health_check": list(HealthCheck),
}  # fmt: skip
COMMANDS = ["energy", "train", "predict", "evaluate", "bench"]
WORDS = st.sampled_from([
    "water", "watr", "general", "oxygen", "--theory", "pbe/def2-svp", "b3lyp/", "/sto-3g",
    "hf/gth-szv", "--grid", "--coulomb", "exact", "df", "--charge", "--spin", "-1", "1", "0.5",
    "nan", "inf", "1e400", "--json", "--refine", "--forces", "--out", "/proc/run", "--steps",
    "--minutes", "--sampler", "md", "file", "--sigma", "--temperature", "--resume", "--start",
    "--loss", "energy@99", "--lr", "--seed", "--pool", "--reuse", "--validate", "--model",
    "paper", "--size", "huge", "/", "..", "--", "-", "--unknown", "dft", "--cases", "", " ",
    "\x00", "x" * 100_000, "é\u202e\x1b[31m", "10" * 200,
])  # fmt: skip
WATER = "3\ncharge=0 spin=0\nO 0.0 0.0 0.117\nH 0.0 0.757 -0.471\nH 0.0 -0.757 -0.471\n"
EXTENDED = WATER.replace("charge=0", 'Properties=species:S:1:pos:R:3 pbc="F F F"')
PIECES = st.sampled_from([
    "charge=", "-2", "spin=", "Lattice=", "pbc=T", "3", "X", "Bq", "nan", "1e999", "{", "}",
    "[", "Properties=", "species:S:1", "forces:R:3", ":", "=", "units=bohr", "é", "−1", "Fe",
    "0.757", "_", "--", "%", "#", "V2000", "ATOM", '"', "\n", "\t", "\x0c", "\u2028", "\r",
    "\x00", "H 0 0 0\n", "9" * 400, "M  END", "ATOM  ",
])  # fmt: skip
SMILES = st.text(
    alphabet="CNOFHSPcno()[]=#+-123456789@/\\.%*:$BrlKgDx \n\x00é", min_size=1, max_size=60
)


class LetIn(BaseException):
    """Well-formed: what would be computed is not."""


def let_in(*args, **kwargs):
    raise LetIn


@pytest.fixture(autouse=True, scope="module")
def nothing_is_computed():
    with pytest.MonkeyPatch.context() as patch:
        for name in ("scf", "predict_one", "evaluate_model", "forces"):
            patch.setattr(commands, name, let_in)
        patch.setattr(commands.tables, "follow", let_in)
        patch.setattr("qptlab.bench.measure", let_in)
        yield


def one_line(said: str) -> bool:
    last = said.strip("\n").split("\n")[-1]
    return "Traceback" not in said and len(last) <= LONGEST_SENTENCE + 100 and last.isprintable()


@settings(max_examples=int(1500 * SCALE), **TRIED)
@given(command=st.sampled_from(COMMANDS), words=st.lists(WORDS, max_size=6))
def test_arguments(command, words, capsys, tally):
    started = time.monotonic()
    try:
        status = main([command, *words])
    except SystemExit as end:  # argparse
        status = end.code
    except LetIn:
        status = 0
    said = capsys.readouterr().err
    held = status in (0, 2) and one_line(said) and time.monotonic() - started < MOST_SECONDS
    tally("command lines", held)
    assert held, (status, said)


@st.composite
def damaged_text(draw, text: str):
    """The text with pieces put in, cut out or doubled."""
    for _ in range(draw(st.integers(1, 4))):
        at, end = sorted((draw(st.integers(0, len(text))), draw(st.integers(0, len(text)))))
        way = draw(st.integers(0, 3))
        new = draw(PIECES) if way < 2 else text[at:end] * 2 if way == 2 else ""
        text = text[:at] + new + text[at if way == 0 else min(end, at + 8) :]
    return text


def is_read_or_refused(action) -> bool:
    """Whether there is a molecule, or one short sentence, within the time."""
    started = time.monotonic()
    try:
        found = action()
    except InputError as error:
        good = str(error).isprintable() and 0 < len(str(error)) <= LONGEST_SENTENCE
    else:
        good = all(isinstance(mol, Molecule) for mol in found)
    return good and time.monotonic() - started < MOST_SECONDS


@settings(max_examples=int(1500 * SCALE), **TRIED)
@given(text=damaged_text(WATER) | damaged_text(EXTENDED) | damaged_text(WATER * 3))
def test_geometries_as_text(text, tally):
    held = is_read_or_refused(lambda: read_frames(text + "\n"))
    tally("geometries as text", held)
    assert held, text


@settings(max_examples=int(300 * SCALE), **TRIED)
@given(content=damaged_text(WATER).map(str.encode) | st.binary(max_size=200))
def test_geometries_as_files(content, tmp_path_factory, capsys, tally):
    path = tmp_path_factory.mktemp("files") / "mine.xyz"
    path.write_bytes(content)
    try:
        status = main(["energy", str(path)])
    except LetIn:
        status = 0
    said = capsys.readouterr().err
    held = status in (0, 2) and one_line(said) and said.count("\n") <= 1
    tally("geometries as files", held)
    assert held, (content, said)


@settings(max_examples=int(1000 * SCALE), **TRIED)
@given(text=SMILES)
def test_smiles(text, tally):
    held = is_read_or_refused(lambda: [from_smiles(text)])
    tally("SMILES", held)
    assert held, text


@settings(max_examples=int(400 * SCALE), **TRIED)
@given(text=damaged_text(WATER) | SMILES)
def test_what_is_pasted_in_the_workbench(text, tally):
    panel = MoleculeInput()
    panel.library.value = OWN
    started = time.monotonic()
    panel.text.value = text
    held = isinstance(panel.molecule, Molecule) and time.monotonic() - started < MOST_SECONDS
    held = held and "Traceback" not in panel.problem.value and "<script" not in panel.problem.value
    tally("pasted in the workbench", held)
    assert held, text
