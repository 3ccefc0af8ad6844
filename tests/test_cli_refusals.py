"""What the command line refuses: one line on stderr, status 2, and nothing written."""

import pytest
from test_cli import APART, FAST

from qptlab.cli import main
from qptlab.library import molecule
from qptlab.qpt.networks.block import BlockQPT
from qptlab.qpt.sampling import wiggle
from qptlab.qpt.training.run import Training

BAD = {
    "unknown molecule": (["energy", "watr"], "unknown molecule 'watr'"),
    "unknown functional": (["energy", "water", "--theory", "foo/sto-3g"], "unknown functional"),
    "unknown basis": (["energy", "water", "--theory", "pbe/nope"], "unknown basis 'nope'"),
    "element not in the basis": (["energy", "{iodine}", "--theory", "pbe/6-31g*"], "for I"),
    "odd electrons": (["energy", "water", "--charge", "1"], "give --spin 1, or --charge 2 or 0"),
    "odd spin": (["energy", "water", "--spin", "1"], "cannot have spin 1 (n_α − n_β): give --spin"),
    "negative spin": (["energy", "water", "--spin", "-2"], "whole number, 0 or more; got -2"),
    "half a spin": (["energy", "water", "--spin", "1.5"], "argument --spin: invalid int"),
    "huge spin": (
        ["energy", "water", "--spin", "12"],
        "n_β): give --spin 10 or less",
    ),
    "train an open shell": (["train", "oxygen", "--out", "{new}"], "for closed shells only; O2"),
    "predict an open shell": (["predict", "{run}", "water", "--spin", "2"], "closed shells only"),
    "judge an open shell": (["evaluate", "{run}", "water", "--spin", "2"], "closed shells only"),
    "other spin": (["train", "water", "--out", "{run}", "--resume", "--spin", "2"], "has --spin 0"),
    "coincident atoms": (["energy", "{coincident}"], "apart"),
    "text for numbers": (["energy", "{text}"], "line 3: expected an element and three numbers"),
    "empty file": (["energy", "{empty}"], "empty"),
    "missing file": (["energy", "nowhere.xyz"], "no such file"),
    "a folder.xyz": (["energy", "{dir}"], "is a folder; expected"),
    "not a run": (["predict", "{folder}", "water"], "is not a run folder"),
    "no run": (["evaluate", "nowhere", "water"], "no run folder or model file"),
    "not a model": (["predict", "{text}", "water"], "is not a qptlab model file"),
    "resume nothing": (["train", "water", "--out", "{folder}", "--resume"], "not a run folder"),
    "full folder": (["train", "water", "--out", "{full}"], "is not an empty folder"),
    "no GEOM": (["energy"], "GEOM"),
    "bad number": (["energy", "water", "--charge", "x"], "--charge"),
    "bad command": (["enrgy"], "enrgy"),
    "no time": (["train", "water", "--out", "{new}", "--minutes", "-1"], "minutes -1.0"),
    "bad theory": (["train", "water", "--out", "{new}", "--theory", "pbe/nope"], "unknown basis"),
    "bad sampler": (["train", "water", "--out", "{new}", "--sampler", "file"], "at least 2"),
    "bad refine": (["predict", "{run}", "water", "--refine", "-1"], "refine -1"),
    "other elements": (["predict", "{run}", "ammonia"], "H3N also has N"),
    "run exists": (["train", "water", "--out", "{run}"], "--resume"),
    "other molecule": (["train", "ammonia", "--out", "{run}", "--resume"], "has molecule O H H"),
    "other grid": (["train", "water", "--out", "{run}", "--resume", "--grid", "3"], "has --grid 1"),
    "size of one size": (
        ["train", "water", "--out", "{new}", "--size", "small"],
        "--size small is for --model paper",
    ),
    "bad size": (["train", "water", "--out", "{new}", "--size", "huge"], "choice: 'huge'"),
    "bad model": (["train", "water", "--out", "{new}", "--model", "x"], "choice: 'x'"),
    "other model": (
        ["train", "water", "--out", "{run}", "--resume", "--model", "paper"],
        "has --model block; got paper",
    ),
    "bad seed": (["train", "water", "--out", "{new}", "--seed", "-1"], "seed -1; expected"),
    "huge seed": (["train", "water", "--out", "{new}", "--seed", "9" * 30], "expected a whole"),
    "bad sigma": (["train", "water", "--out", "{new}", "--sigma", "-1"], "sigma -1.0"),
    "bad loss": (["train", "water", "--out", "{new}", "--loss", "enrgy"], "'enrgy' is not one of"),
    "a wiggle's width for md": (
        ["train", "water", "--out", "{new}", "--sampler", "md", "--sigma", "0.1"],
        "--sigma belongs to --sampler wiggle; got md",
    ),
    "a hot wiggle": (
        ["train", "water", "--out", "{new}", "--temperature", "400"],
        "--temperature belongs to --sampler modes or md; got wiggle",
    ),
    "hot frames": (
        ["train", "{two}", "--out", "{new}", "--sampler", "file", "--temperature", "400"],
        "--temperature belongs to --sampler modes or md; got file",
    ),
    "frames to shake": (
        ["train", "{two}", "--out", "{new}", "--sampler", "modes"],
        "holds 2 frames and vibrations start from one; add --sampler file",
    ),
    "colder than cold": (
        ["train", "water", *FAST, "--out", "{new}", "--sampler", "modes", "--temperature", "-4"],
        "temperature -4.0 K; expected a number, 0 or more",
    ),
    "unknown sampler": (
        ["train", "{two}", "--out", "{new}", "--sampler", "dice"],
        "invalid choice: 'dice'",
    ),
    "surface of a wiggle": (
        ["train", "water", "--out", "{new}", "--surface", "hf/sto-3g"],
        "--surface belongs to --sampler modes or md; got wiggle",
    ),
    "no such surface": (
        ["train", "water", *FAST, "--out", "{new}", "--sampler", "modes", "--surface", "hf"],
        "hf",
    ),
    "surface of a resumed run": (
        ["train", "water", "--out", "{run}", "--resume", "--surface", "hf/sto-3g"],
        "leave out --surface",
    ),
    "other temperature": (
        ["train", "water", "--out", "{run}", "--resume", "--temperature", "9"],
        "has --temperature none; got 9.0",
    ),
    "bad lr": (["train", "water", "--out", "{new}", "--lr", "nan"], "learning rate nan"),
    "a megabyte": (["energy", "x" * 10**6], "File name too long"),
    "a megabyte of functional": (["energy", "water", "--theory", "x" * 10**6], "write functional"),
    "a megabyte of basis": (["energy", "water", "--theory", f"pbe/{'x' * 10**6}"], "unknown basis"),
    "a megabyte of charge": (["energy", "water", "--charge", "x" * 10**6], "invalid int value"),
    "a megabyte of network": (["predict", "x" * 10**6, "water"], "File name too long"),
    "an escape code": (["energy", "\x1b[31mred.xyz"], r"\x1b[31mred.xyz"),
    "endless": (["train", "water", "--out", "{new}", "--minutes", "inf"], "minutes inf"),
    "below a file": (["train", "water", "--out", "{text}/run"], "is not a folder to write to"),
    "frames to wiggle": (["train", "{two}", "--out", "{new}"], "add --sampler file"),
    "a folder as GEOM": (
        ["energy", "{folder}"],
        "expected a geometry's file or a molecule's name",
    ),
    "no name": (["energy", " "], "expected a geometry's file or a molecule's name"),
    "only cores": (
        ["energy", "{sodium}", "--theory", "pbe/lanl2dz", "--charge", "2"],
        "left outside",
    ),
}


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    """A run to be refused: it need not be trained."""
    folder, water = tmp_path_factory.mktemp("refused") / "run", molecule("water")
    Training(BlockQPT.create(water, "pbe/sto-3g"), wiggle(water)).save(folder)
    return folder


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line_and_status_2(capsys, tmp_path, run_folder, name):
    files = {
        "iodine": "2\n\nI 0 0 0\nI 0 0 2.7\n",
        "coincident": "2\n\nH 0 0 0\nH 0 0 0\n",
        "text": "2\n\nH here 0 0\nH 0 0 1\n",
        "empty": "",
        "two": "1\n\nHe 0 0 0\n1\n\nHe 0 0 1\n",
        "sodium": "2\n\nNa 0 0 0\nNa 0 0 3\n",
        "apart": APART,
    }
    places = {key: tmp_path / f"{key}.xyz" for key in files}
    for key, text in files.items():
        places[key].write_text(text)
    places |= {"folder": tmp_path / "folder", "full": tmp_path / "full", "new": tmp_path / "new"}
    places["dir"] = tmp_path / "dir.xyz"
    places["dir"].mkdir()
    places["folder"].mkdir()
    places["full"].mkdir()
    (places["full"] / "thesis.txt").write_text("mine")
    places["run"] = run_folder
    before = sorted(p for p in tmp_path.rglob("*"))

    argv, message = BAD[name]
    try:
        status = main([word.format(**places) for word in argv])
    except SystemExit as exit_:
        status = exit_.code
    shown = capsys.readouterr()
    assert status == 2 and shown.out == ""
    assert message in shown.err
    assert shown.err[:-1].isprintable() and len(shown.err) < 800
    assert shown.err.count("\n") == 1 and "Traceback" not in shown.err
    assert sorted(p for p in tmp_path.rglob("*")) == before
