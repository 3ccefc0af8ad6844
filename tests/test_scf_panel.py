"""The SCF stepper without a browser: what its pictures say, and how its panel reacts."""

import re
import time
from itertools import combinations

import numpy as np
import pytest
from matplotlib.transforms import Bbox
from tiers import later
from waiting import wait_until

import qptlab as ql
from qptlab.dft import overlap_matrix
from qptlab.lab.panels import scf as module
from qptlab.lab.panels.scf import ScfPanel, scf_panel
from qptlab.lab.plots.plane import FINEST_SCALE, Plane, colour_scale
from qptlab.lab.plots.scf import convergence_figure, energy_difference, iteration_figure, step_words
from qptlab.molecule import Molecule
from qptlab.qpt.scf_starts import MINAO, NETWORK, ScfStarts
from qptlab.theory import parse_theory

SPEC = "lda/sto-3g"


@pytest.fixture(scope="module")
def model():
    """A network that predicts nothing: its density is that of the screened first Fock matrix."""
    return ql.BlockQPT.create(ql.molecule("water"), SPEC)


@pytest.fixture(scope="module")
def starts(model):
    found = ScfStarts(ql.molecule("water"), SPEC, model)
    found.reference()
    return found


@pytest.fixture(scope="module")
def plane():
    return Plane.through(ql.molecule("water"), parse_theory(SPEC))


def chosen(starts, scheme="diis", names=(MINAO, NETWORK)):
    return {name: starts.path(name, scheme) for name in names}


def texts(figure):
    """Every text of a figure, titles and labels included."""
    found = [text.get_text() for text in figure.texts]
    for axes in figure.axes:
        found += [text.get_text() for text in axes.texts]
        found += [axes.get_title(loc=where) for where in ("left", "center")]
        found += [axes.get_xlabel(), *(t.get_text() for t in axes.get_xticklabels())]
    return found


# -- pictures --------------------------------------------------------------------------------------


def test_convergence_shows_both_starts_on_log_scales_with_the_chosen_one_marked(starts):
    paths, answer = chosen(starts), starts.reference()
    figure = convergence_figure(paths, answer, 2)
    energy, commutator = figure.axes
    assert energy.get_yscale() == commutator.get_yscale() == "log"
    assert {"from minao", "from the network", "converged"} <= {
        t.get_text() for t in commutator.texts
    }
    assert "Fock builds" in energy.get_xlabel() and "(Ha)" in commutator.get_title(loc="left")
    assert any("Ha" in label.get_text() for label in energy.get_yticklabels())
    curves = {line.get_color(): line for line in commutator.lines if len(line.get_xdata()) > 2}
    assert len(curves) == 2
    for curve, path in zip(curves.values(), paths.values(), strict=True):
        assert curve.get_xdata().tolist() == path.builds.tolist()
        assert curve.get_ydata() == pytest.approx(path.commutator)
    marked = [line.get_xdata() for line in energy.lines if line.get_markersize() == 10]
    assert [x.tolist() if np.ndim(x) else x for x in marked] in ([2, 2], [[2], [2]])


def test_an_energy_below_the_converged_one_is_said_to_be(starts):
    paths, answer = chosen(starts, names=(MINAO,)), starts.reference()
    below = (paths[MINAO].energy < answer.energy[-1] - 1e-11).any()
    label = convergence_figure(paths, answer, 1).axes[0].get_xlabel()
    assert ("open marks: below" in label) == below


def test_one_iteration_shows_maps_weights_terms_and_gap(starts, plane):
    paths, answer = chosen(starts), starts.reference()
    figure = iteration_figure(paths, answer, plane, 3)
    said = texts(figure)
    for text in (
        "from minao", "from the network", "O", "H",
        "too few  ←  electrons/bohr³  →  too many\none scale for both maps",
        "DIIS weights, next step", "core", "Coulomb", "xc", "total", "gap",
    ):  # fmt: skip
        assert text in said, text
    assert "exchange" not in said, "this functional has none"
    assert any(text.startswith("gap when converged") and text.endswith("eV") for text in said)
    first, second = (axes.images[0] for axes in figure.axes[:2])
    assert first.get_clim() == second.get_clim() == (-1, 1), "the same colours mean the same"
    bars = next(axes for axes in figure.axes if axes.patches).patches
    heights = sum(bar.get_height() for bar in bars)
    assert heights == pytest.approx(2, abs=1e-6), "the weights of each start sum to one"
    wanted = energy_difference(paths[MINAO].energy[3] - answer.energy[-1])
    assert wanted in said


def test_before_its_first_fock_build_the_network_has_nothing(starts, plane):
    paths, answer = chosen(starts), starts.reference()
    said = texts(iteration_figure(paths, answer, plane, 0))
    assert "the network needs\none Fock build first" in said and "–" in said
    assert "no density before 1 Fock build" in step_words(paths, answer, 0)


def test_a_path_that_ended_says_so(starts, plane):
    paths, answer = chosen(starts), starts.reference()
    last = max(int(path.builds[-1]) for path in paths.values())
    shorter = min(paths.values(), key=len)
    said = texts(iteration_figure(paths, answer, plane, last))
    assert shorter.builds[-1] < last
    assert any(f"(last: {shorter.builds[-1]})" in text for text in said)


@pytest.mark.parametrize("scheme", ["plain", "mixing", "screened"])
@pytest.mark.parametrize("names", [later((MINAO,)), later((NETWORK,)), (MINAO, NETWORK)])
def test_no_text_leaves_the_pictures_or_covers_another(starts, plane, scheme, names):
    paths, answer = chosen(starts, scheme, names), starts.reference()
    for builds in (1, 4, max(int(path.builds[-1]) for path in paths.values())):
        for figure in (
            convergence_figure(paths, answer, builds),
            iteration_figure(paths, answer, plane, builds),
        ):
            _check_boxes(figure)


def _check_boxes(figure):
    figure.draw_without_rendering()
    width, height = figure.get_size_inches() * figure.dpi
    boxes = []
    for text in _drawn_texts(figure):
        box = text.get_window_extent()
        assert box.x0 >= 0 and box.x1 <= width and box.y0 >= 0 and box.y1 <= height, text
        assert text.get_fontsize() >= 11
        middle = (box.y0 + box.y1) / 2  # letters are lower than the lines that they stand in
        boxes.append((text, Bbox.from_extents(box.x0, middle - 5, box.x1, middle + 5)))
    for (one, a), (other, b) in combinations(boxes, 2):
        assert not a.overlaps(b), (one, other)


def _drawn_texts(figure):
    found = list(figure.texts)
    for axes in figure.axes:
        found += [text for text in axes.texts if text.get_text() not in ("O", "H")]
        found += [axes.title, axes._left_title, axes.xaxis.label, axes.yaxis.label]
        # other ticks lie outside the axes
        found += [tick.label1 for axis in (axes.xaxis, axes.yaxis) for tick in axis._update_ticks()]
    return [text for text in found if text.get_text()]


def test_the_colour_scale_is_a_round_number_that_most_points_keep_to():
    field = np.linspace(-0.03, 0.03, 1001)
    assert colour_scale({"a": field, "b": field / 9}) == pytest.approx(0.05)
    assert colour_scale({"a": field / 3}) == pytest.approx(0.01)
    assert colour_scale({"a": 0 * field}) == colour_scale({}) == FINEST_SCALE


def test_the_plane_holds_a_planar_molecule_and_its_density(plane):
    water = ql.molecule("water")
    assert np.abs(plane.height).max() < 1e-6
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    turned = Plane.through(water.with_positions(water.positions @ turn.T + 2), parse_theory(SPEC))
    apart = [np.linalg.norm(p.positions[0] - p.positions[1]) for p in (plane, turned)]
    assert apart[0] == pytest.approx(apart[1]) == pytest.approx(1.81, abs=0.05)
    assert plane.bonds == ((0, 1), (0, 2))
    dm = np.linalg.inv(overlap_matrix(water, parse_theory(SPEC)))
    rho = plane.density(dm)
    assert rho.shape == plane.shape and (rho >= -1e-12).all()
    row, column = np.unravel_index(rho.argmax(), rho.shape)
    left, right, low, high = plane.extent
    peak = left + (right - left) * column / (rho.shape[1] - 1)
    height = low + (high - low) * row / (rho.shape[0] - 1)
    assert np.abs(plane.positions[0] - [peak, height]).max() < 0.1, "densest at the oxygen"


@pytest.mark.parametrize(
    "symbols, where", [(("He",), [[1, 2, 3]]), (("H", "H"), [[0, 0, 0], [0, 0, 1.4]])]
)
def test_atoms_and_lines_have_a_plane_too(symbols, where):
    plane = Plane.through(Molecule(symbols, where), parse_theory(SPEC))
    assert np.abs(plane.height).max() < 1e-9
    assert np.isfinite(plane.density(np.eye(len(symbols)))).all()


# -- panel -----------------------------------------------------------------------------------------


def said(panel):
    return re.sub(r"<[^>]+>", "", panel.status.value)


def alt(panel):
    return "".join(re.findall(r'alt="([^"]*)"', panel.picture.value))


def test_a_panel_from_start_to_end(model, capsys):
    began = time.monotonic()
    panel = scf_panel(ql.molecule("water"), SPEC, model)
    assert time.monotonic() - began < 2, "the cell returns at once"
    wait_until(lambda: "After 1 Fock build," in alt(panel), 120)
    wait_until(lambda: "network: converged after" in said(panel))
    assert "minao: converged after" in said(panel)
    assert "from minao" in alt(panel) and "from the network" in alt(panel)
    for text, at in (("step ›", 2), ("step ›", 3), ("‹", 2), ("«", 0)):
        panel.controls.steps[text].click()
        wait_until(lambda at=at: f"After {at} Fock build" in alt(panel))
    panel.controls.steps["»"].click()
    assert panel.controls.builds.value == panel.controls.builds.max
    panel.controls.builds.value = 4
    wait_until(lambda: "After 4 Fock builds" in alt(panel))
    panel.controls.start.value = NETWORK
    wait_until(lambda: "from minao" not in alt(panel))
    assert panel.controls.builds.min == 1
    panel.controls.scheme.value = "plain"
    wait_until(lambda: "converged after 12 Fock builds" in said(panel), 20)
    assert capsys.readouterr() == ("", "")


def test_the_slider_only_draws(model, monkeypatch):
    panel = scf_panel(ql.molecule("water"), SPEC, model)
    wait_until(lambda: "After 1 " in alt(panel), 120)
    monkeypatch.setattr(ScfStarts, "path", None)
    monkeypatch.setattr(module.Plane, "through", None)
    cost = []
    for builds in (2, 3, 4):
        begin = time.process_time()
        panel.controls.builds.value = builds
        wait_until(lambda builds=builds: f"After {builds} " in alt(panel))
        cost.append(time.process_time() - begin)
    assert min(cost) < 0.9, "about 0.15 s on a quiet machine"
    panel.show(ql.molecule("water"), SPEC, model)  # as for any choice that is not the SCF's
    assert "After 4 " in alt(panel) and "converged after" in said(panel)


def test_nothing_is_computed_before_it_is_asked_for():
    panel = ScfPanel()
    assert "no molecule" in said(panel) and panel.run_button.disabled
    panel.compute()
    panel.show(ql.molecule("water"), SPEC)
    wait_until(lambda: "press Run SCF" in said(panel))
    assert "_integrals" not in vars(panel._starts) and panel.picture.value.count("<img") == 0
    assert panel.controls.start.disabled and panel.controls.start.value == MINAO
    assert "train or load one" in panel.controls.start.tooltips[1]
    panel.run_button.click()
    wait_until(lambda: "After 0 Fock builds, from minao" in alt(panel), 60)
    panel.show(ql.molecule("HF"), SPEC)
    wait_until(lambda: "FH, lda/sto-3g: press Run SCF" in said(panel) and not alt(panel))


def test_failure_is_one_sentence(model):
    panel = scf_panel(ql.molecule("O2"), SPEC)
    wait_until(lambda: "closed shells only" in said(panel), 60)
    assert "error" in panel.status.value and "\n" not in said(panel)
    assert panel.runner.job_message == "", "the panel's to say, not the training's"
    panel.show(ql.molecule("water"), SPEC, model)
    panel.compute()
    wait_until(lambda: "from the network" in alt(panel), 120)
    with pytest.raises(ValueError, match="functional/basis"):
        panel.show(ql.molecule("water"), "nonsense")


def test_what_was_computed_for_another_molecule_is_not_shown():
    panel = ScfPanel()
    panel.show(ql.molecule("water"), SPEC)
    panel.compute()
    panel.show(ql.molecule("HF"), SPEC)
    panel.compute()
    wait_until(lambda: alt(panel), 120)
    assert alt(panel).startswith("FH:") and said(panel).startswith("FH,")
