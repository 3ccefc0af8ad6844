"""What leaves the workbench: tables, pictures, and the text of the static page."""

import base64
import csv
import io
import json
import math
import re
import zlib
from dataclasses import dataclass, replace
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from scipy.linalg import eigh

from qptlab.dft import ao_values, overlap_matrix, scf
from qptlab.lab.files.exports import save_figure, write_csv
from qptlab.lab.files.orbital_page import orbital_page, page_html
from qptlab.lab.plots.training import training_figure
from qptlab.lab.views import bundle
from qptlab.lab.views.box import CLIP, Box, byte_step
from qptlab.library import molecule
from qptlab.molecule import Molecule
from qptlab.qpt.training.config import StepLog
from qptlab.theory import Theory, parse_theory

needs_front_end = pytest.mark.skipif(not bundle.BUNDLE.exists(), reason="no 3D front end")
HISTORY = [
    StepLog(1, -0.1, -76.1, None, 1e-3, 0.25, 2),
    StepLog(2, -0.125, math.nan, {0: 1e-3, 3: 2.5e-7}, 5e-4, 1.0 / 3, 4, {}, ("too far apart",)),
    StepLog(3, math.nan, -76.2, {0: math.nan, 1: 0.1}, 0.0, 2.0, 6),
]


@pytest.mark.parametrize("to_file", [True, False])
def test_a_run_comes_back_from_its_csv(tmp_path, to_file):
    target = tmp_path / "run.csv" if to_file else io.StringIO()
    write_csv(HISTORY, target)
    text = target.read_bytes().decode() if to_file else target.getvalue()
    rows = list(csv.DictReader(text.splitlines()))
    assert list(rows[0]) == [
        "step", "seconds", "samples", "loss_ha", "energy_ha", "lr",
        "val_error_ha_0", "val_error_ha_1", "val_error_ha_3", "skipped",
    ]  # fmt: skip
    for row, log in zip(rows, HISTORY, strict=True):
        same(row["loss_ha"], log.loss)
        same(row["energy_ha"], log.energy)
        same(row["lr"], log.lr)
        assert (int(row["step"]), int(row["samples"])) == (log.step, log.samples)
        assert abs(float(row["seconds"]) - log.seconds) < 1e-3
        assert int(row["skipped"]) == len(log.skipped)
        for count in (0, 1, 3):
            same(row[f"val_error_ha_{count}"], (log.val_error_ha or {}).get(count, math.nan))
    assert "\r" not in text and "nan" not in text


def same(cell: str, number: float) -> None:
    assert cell == "" if math.isnan(number) else float(cell) == number


def test_a_run_without_steps_has_a_header_and_a_loss_may_have_another_unit():
    target = io.StringIO()
    write_csv([], target, loss="loss_ha2")
    assert target.getvalue() == "step,seconds,samples,loss_ha2,energy_ha,lr,skipped\n"


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_a_plot_is_written_the_same_twice(tmp_path, ending):
    for name in ("a", "b"):
        save_figure(training_figure(HISTORY[:2]), tmp_path / f"{name}.{ending}")
    assert (tmp_path / f"a.{ending}").read_bytes() == (tmp_path / f"b.{ending}").read_bytes()


def test_the_text_of_an_svg_is_text(tmp_path):
    save_figure(training_figure(HISTORY[:2]), tmp_path / "a.SVG")
    tree = ElementTree.parse(tmp_path / "a.SVG")
    name = "{http://www.w3.org/2000/svg}"
    words = ["".join(node.itertext()) for node in tree.iter(f"{name}text")]
    assert "training step" in words
    assert "Energy error against PySCF" in tree.find(f"{name}title").text
    assert "<dc:date>" not in (tmp_path / "a.SVG").read_text()


def test_a_png_has_the_resolution_and_words_that_were_asked_for(tmp_path):
    save_figure(training_figure(HISTORY[:2]), tmp_path / "a.png", title="a training", dpi=50)
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.size == (360, 210) and picture.text == {"Title": "a training"}


def test_another_kind_of_picture_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"plot to 'a.jpg'; end it in .png or .svg"):
        save_figure(training_figure([]), tmp_path / "a.jpg")


@dataclass(frozen=True)
class Orbitals:
    """As much of a result as a page needs."""

    molecule: Molecule
    theory: Theory
    mo_coeff: np.ndarray
    mo_energy: np.ndarray
    n_occ: int = 5
    message: str = "H2O </script><b>& its orbitals"


@pytest.fixture(scope="module")
def water() -> Orbitals:
    where, what = molecule("water"), parse_theory("pbe/def2-svp")
    overlap = overlap_matrix(where, what)
    shake = np.random.default_rng(0).normal(size=overlap.shape)
    energy, coeff = eigh(shake + shake.T, overlap)
    return Orbitals(where, what, coeff, energy)


def data_of(page: str) -> dict:
    """The page's own data."""
    return json.loads(re.search(r'id="data">(.*?)</script>', page)[1])


@needs_front_end
def test_the_page_holds_every_orbital_of_water_and_stays_small(water, tmp_path):
    other = replace(water, mo_coeff=water.mo_coeff[:, ::-1])
    orbital_page(water, tmp_path / "a.html", reference=other)
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert (tmp_path / "a.html").stat().st_size < 3e6
    data = data_of(page)
    assert data["message"] == water.message and "<b>" not in page
    assert data["modes"] == ["predicted", "PySCF", "difference"] and len(data["levels"]) == 2
    assert [orbital["index"] for orbital in data["orbitals"]] == list(range(len(water.mo_energy)))
    assert data["orbitals"][4]["name"] == "HOMO" and "Ha" in data["orbitals"][4]["energy"]
    assert "{{" not in page and not re.search(r'(?:src|href)="(?!data:)', page)


@needs_front_end
def test_a_field_of_the_page_is_the_orbital(water):
    data = data_of(page_html(water, orbitals=["lumo", "homo", 4]))
    assert [orbital["name"] for orbital in data["orbitals"]] == ["HOMO", "LUMO"]
    box = Box.around(water.molecule.positions)
    assert data["scene"]["shape"] == list(box.shape)
    values = ao_values(water.molecule, water.theory, box.points) @ water.mo_coeff[:, 4]
    packed = zlib.decompress(base64.b64decode(data["orbitals"][0]["pictures"][0]["field"]))
    field = np.frombuffer(packed, np.int8) * data["scene"]["scale"]
    np.testing.assert_allclose(field, np.clip(values, -CLIP, CLIP), atol=0.51 * byte_step())


@needs_front_end
def test_where_not_all_orbitals_fit_those_around_the_gap_stay(water):
    whole = page_html(water)
    limit = len(whole.encode()) * 0.75 / 1e6
    page = page_html(water, largest_mb=limit)
    kept = [orbital["index"] for orbital in data_of(page)["orbitals"]]
    assert 1 < len(kept) < len(water.mo_energy) and len(page.encode()) < limit * 1e6
    assert {4, 5} <= set(kept) and kept == list(range(kept[0], kept[-1] + 1))
    assert len(data_of(page_html(water, largest_mb=0.01))["orbitals"]) == 1


@needs_front_end
def test_a_page_of_one_spin():
    result = scf(Molecule(("Li",), np.zeros((1, 3)), spin=1), "lda/sto-3g")
    with pytest.raises(ValueError, match=r'choose one: result.of_spin\("alpha"\)'):
        page_html(result)
    data = data_of(page_html(result.of_spin("beta")))
    assert (data["occupied"], data["count"]) == (1, 5)


@needs_front_end
def test_bad_input_is_one_sentence(water):
    moved = replace(water, molecule=Molecule(("O", "H", "H"), water.molecule.positions * 1.01))
    with pytest.raises(ValueError, match="the reference is for"):
        page_html(water, moved)
    with pytest.raises(ValueError, match="at least one orbital"):
        page_html(water, orbitals=[])
    with pytest.raises(ValueError, match=r'give "homo" to "homo-4"'):
        page_html(water, orbitals=["somo"])


def test_without_the_front_end_there_is_no_page(water, monkeypatch, tmp_path):
    monkeypatch.setattr("qptlab.lab.files.orbital_page.BUNDLE", tmp_path / "missing.js")
    with pytest.raises(ValueError, match="pip install"):
        orbital_page(water, tmp_path / "a.html")
    assert not (tmp_path / "a.html").exists()
