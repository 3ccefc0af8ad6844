"""The gradient inspector's figure and sentences."""

from dataclasses import replace

import numpy as np
import pytest
from geometries import distorted
from matplotlib.backends.backend_agg import FigureCanvasAgg
from test_qpt import shaken

from qptlab.dft import integrals
from qptlab.lab.plots import gradients as plots
from qptlab.qpt.gradient_chain import FiniteDifference, gradient_chain
from qptlab.qpt.networks.block import BlockQPT
from qptlab.qpt.prepared import first_build

LEVEL, HEAD = "lda/sto-3g", "head.layers[1].weight"


@pytest.fixture(scope="module")
def chain():
    water = distorted("water")
    model = shaken(BlockQPT.create(water, LEVEL), size=0.01)
    return gradient_chain(model, first_build(integrals(water, model.theory)))


def words(figure):
    return [text.get_text() for text in figure.texts]


def pictures(figure):
    """The matrices drawn, left to right, values before derivatives; colour bars left out."""
    images = [axes.images[0] for axes in figure.axes if axes.images]
    return [np.asarray(image.get_array()) for image in images if image.get_array().shape[0] > 1]


def test_every_link_is_drawn_with_its_derivative_and_norm(chain):
    figure = plots.chain_figure(chain, HEAD, ("delta_fock", 3, 2), "water, after step 5")
    drawn = pictures(figure)
    assert len(drawn) == 8
    for number, name in enumerate(("dm", "fock", "delta_fock", ".head.layers[1].weight")):
        np.testing.assert_array_equal(drawn[2 * number], chain.value(name))
        np.testing.assert_array_equal(drawn[2 * number + 1], chain.slope(name))
    said = words(figure)
    for part in (
        "water, after step 5",
        "E",
        "D",
        "F",
        "ΔF",
        "θ",
        "∂E/∂D = F[D]",
        "∂E/∂ΔF",
        "∂E/∂θ",
    ):
        assert part in said, part
    assert set(plots.OPERATIONS) <= set(said)
    norm = plots.number(float(np.linalg.norm(chain.d_fock)), 2)
    assert said.count(f"norm {norm}") == 2
    assert any("element [3, 2]" in text and HEAD in text for text in said)
    assert any("Orange −" in text and "√" in text for text in said), "the scale must be told"


def test_colours_are_symmetric_about_white_zero(chain):
    figure = plots.chain_figure(chain, HEAD)
    for axes in figure.axes:
        image = axes.images[0]
        assert image.norm.vmin == -image.norm.vmax
        assert image.cmap(image.norm(0.0)) == pytest.approx((1, 1, 1, 1), abs=0.01)
    scale = plots.number(float(np.abs(chain.d_dm).max()), 2)
    assert f"±{scale} Ha" in words(figure)


def test_atoms_are_marked_and_the_chosen_element_stands_out(chain):
    figure = plots.chain_figure(chain, HEAD, ("fock", 1, 6))
    fock = [a for a in figure.axes if any(line.get_marker() == "s" for line in a.lines)]
    assert len(fock) == 2, "value and derivative of the chosen link, no other"
    for axes in fock:
        square = next(line for line in axes.lines if line.get_marker() == "s")
        assert (square.get_xdata(), square.get_ydata()) == ([6], [1])
        assert [label.get_text() for label in axes.get_xticklabels()] == ["O", "H", "H"]
        assert axes.get_xticks().tolist() == [2.0, 5.0, 6.0]


@pytest.mark.parametrize(("name", "level"), [("water", "lda/sto-3g"), ("ethanol", "lda/sto-3g")])
def test_no_two_texts_overlap_and_none_leaves_the_picture(name, level):
    case = distorted(name)
    model = shaken(BlockQPT.create(case, level), size=0.01)
    found = gradient_chain(model, first_build(integrals(case, model.theory)))
    weight = "layers.mlp.layers[1].weight, layer 3"
    figure = plots.chain_figure(found, weight, ("dm", 0, 0), f"{name}, training geometry 12")
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    labels = [label for axes in figure.axes for label in axes.get_xticklabels()]
    texts = [text for text in (*figure.texts, *labels) if text.get_text()]
    boxes = [text.get_window_extent(renderer).shrunk(0.95, 0.7) for text in texts]
    for i, box in enumerate(boxes):
        assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1, texts[i]
        assert not [texts[j] for j in range(i) if box.overlaps(boxes[j])], texts[i]
    assert min(text.get_fontsize() for text in texts) >= 11


def test_what_is_zero_or_no_number_can_be_drawn(chain):
    broken = replace(chain, d_fock=np.full_like(chain.d_fock, np.nan))
    broken = replace(broken, delta_fock=0 * chain.delta_fock)
    said = words(plots.chain_figure(broken, HEAD))
    assert "norm not a number" in said and "all zero" in said


def test_layers_are_looked_at_one_by_one(chain):
    known = plots.pages(chain)
    assert known["layers.qkv.weight, layer 2"] == (".layers.qkv.weight", (1,))
    assert known["norm.bias"] == (".norm.bias", ())
    shown = plots.page(chain.weights[".layers.qkv.weight"], (1,))
    assert np.array_equal(shown, chain.weights[".layers.qkv.weight"][1])
    assert all(plots.page(chain.slope(name), lead).ndim == 2 for name, lead in known.values())


def test_the_picture_in_words(chain):
    text = plots.chain_words(chain, HEAD, "water")
    assert text.startswith(f"water: E = −{-chain.energy:.6f} Ha")
    assert "∂E/∂D = F[D] has norm" in text and HEAD in text


def test_a_comparison_is_one_sentence():
    good = FiniteDifference("delta_fock", (3, 7), -0.0123456789, -0.0123456790, 1e-4, 1e-9)
    text = plots.comparison_text(good)
    assert "∂E/∂ΔF[3, 7] = −0.0123456789 Ha/Ha by backpropagation" in text
    assert "−0.0123456790 by central difference (h = 1e−4): they agree to 8 digits" in text
    wrong = FiniteDifference(".norm.bias", (3,), 0.5, 0.4, 1e-4, 1e-9)
    text = plots.comparison_text(wrong)
    assert text.startswith("∂E/∂θ norm.bias[3] = 0.5") and "they differ by 0.1" in text
    assert "both are zero" in plots.comparison_text(
        FiniteDifference("dm", (0, 1), 1e-17, -2e-12, 1e-4, 1e-9)
    )
    assert "16 digits" in plots.comparison_text(
        FiniteDifference("dm", (0, 0), 1.0, 1.0, 1e-4, 1e-9)
    )
