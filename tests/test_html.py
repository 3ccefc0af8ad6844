"""What people wrote is text in every page, never markup, whoever it comes from."""

import ast
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from qptlab.dft import scf
from qptlab.lab.files.orbital_page import page_html
from qptlab.lab.html import ATTRIBUTES, Markup, tag, text
from qptlab.lab.html_widget import Html
from qptlab.lab.panels.describe import name_html, sentence_html, status_html
from qptlab.lab.panels.runs import RunsPanel
from qptlab.lab.plots.axes import label_ends, title_axes
from qptlab.lab.plots.live_plot import image_html
from qptlab.lab.plots.pixels import blank, write
from qptlab.lab.views.bundle import BUNDLE
from qptlab.library import molecule

LAB = Path(__file__).parents[1] / "qptlab"
PLANTED = (
    "<img src=x onerror=window.PWNED=1>",
    '"><script>window.PWNED=1</script>',
    "'><svg/onload=window.PWNED=1>",
    "</title></style></textarea><script>window.PWNED=1</script>",
    "&lt;b&gt;<!--",
    'x" onmouseover="window.PWNED=1',
)


class Elements(HTMLParser):
    """Every element of a page with its attributes, and its text."""

    def __init__(self, page):
        super().__init__()
        self.found, self.text = [], ""
        self.feed(str(page))
        self.close()

    def handle_starttag(self, name, attributes):
        self.found.append((name, dict(attributes)))

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize("words", PLANTED)
def test_what_was_written_is_shown_as_it_is_and_adds_no_element(words):
    for made in (
        tag("div", words, title=words),
        sentence_html(words, error=True),
        status_html("error", words),
        name_html(words),
        image_html(b"", words),
        Html(words).value,
        Html(value=words).value,
    ):
        page = Elements(made)
        assert {name for name, _ in page.found} <= {"div", "span", "i", "img"}
        assert all(attributes.keys() <= ATTRIBUTES for _, attributes in page.found)
        shown = [page.text, *(a[k] for _, a in page.found for k in ("title", "alt") if k in a)]
        assert set(shown) <= {words, ""} and words in shown


def test_text_set_later_or_by_a_page_is_escaped_too():
    widget = Html()
    widget.value = PLANTED[0]
    assert widget.value == text(PLANTED[0])
    widget.set_state({"value": PLANTED[1]})
    assert widget.value == text(PLANTED[1])


def test_an_element_takes_no_script_and_no_address():
    for attribute in ("onclick", "href", "srcdoc", "formaction"):
        with pytest.raises(ValueError, match="may have"):
            tag("div", **{attribute: "javascript:window.PWNED=1"})
    with pytest.raises(ValueError, match="a PNG"):
        tag("img", src="https://example.org/x.png")


def test_writing_that_turns_its_direction_is_spelled_out():
    assert text("a\u202egnp\x1b[1m") == r"a\u202egnp\x1b[1m"


@pytest.mark.parametrize("words", PLANTED)
def test_a_run_named_like_a_script_is_a_row_of_text(tmp_path, words):
    folder = tmp_path / words.replace("/", "∕")
    folder.mkdir()
    model = {"kind": words, "theory": {"xc": "pbe", "basis": words}}
    (folder / "config.json").write_text(json.dumps({"model": model, "seconds": 7.0}))
    (folder / "history.jsonl").write_text("")
    panel = RunsPanel(tmp_path, open_run=None)
    panel._read()
    panel._draw()
    _, line = panel.table.children
    page = Elements(line.children[1].value)
    assert folder.name in page.text and {name for name, _ in page.found} == {"div", "b", "span"}


@pytest.mark.skipif(not BUNDLE.exists(), reason="the 3D front end was not built")
def test_a_page_of_orbitals_holds_no_element_of_its_message():
    result = scf(molecule("hydrogen"), "lda/sto-3g")
    object.__setattr__(result, "message", "".join(PLANTED))
    page = page_html(result, orbitals=["homo"])
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert json.loads(data[1])["message"] == "".join(PLANTED)
    assert "<" not in data[1] and "window.PWNED" not in page.replace(data[0], "")


def test_dollars_in_a_name_are_no_formula():
    figure = blank((300, 200))
    axes = figure.add_axes((0.1, 0.1, 0.5, 0.5))
    title_axes(axes, r"$\frac")
    label_ends(axes, [(0.5, r"$\nothing$", "red")])
    write(figure, 10, 10, r"$\frac{1$ of my molecules")
    FigureCanvasAgg(figure).draw()


def written_by_hand(path: Path) -> list[str]:
    """Tags in literals of a file, and uses of widgets and escapes that `qptlab.lab.html` wraps."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if re.search(r"(?<!\?P)</?[a-z]+[\s/>=]", node.value):
                found.append(node.value)
        elif isinstance(node, ast.alias) and node.name in ("HTML", "HTMLMath", "escape", "html"):
            found.append(node.name)
        elif isinstance(node, ast.Attribute) and node.attr in ("HTML", "HTMLMath"):
            found.append(node.attr)
        elif isinstance(node, ast.keyword) and node.arg == "description_allow_html":
            found.append(node.arg)
    return found


PAGES_OF_OTHERS = {"lab/html.py", "lab/html_widget.py", "lab/views/molecule_view.py"}
"""The helper itself and its widget; and py3Dmol's page, which holds atoms and numbers only."""


def test_no_other_file_writes_a_tag():
    found = {}
    for path in sorted(LAB.rglob("*.py")):
        name = path.relative_to(LAB).as_posix()
        if name not in PAGES_OF_OTHERS and (by_hand := written_by_hand(path)):
            found[name] = by_hand
    assert found == {}


def test_a_tag_written_by_hand_is_found(tmp_path):
    path = tmp_path / "panel.py"
    for line in (
        'f"<b>{name}</b>"',
        "from ipywidgets import HTML",
        "from html import escape",
        "import html",
        "widgets.HTML(name)",
        "Label(description_allow_html=True)",
    ):
        path.write_text(line)
        assert written_by_hand(path), line
    path.write_text('"a < b, and c > d"')
    assert written_by_hand(path) == []


def test_no_script_of_ours_writes_markup():
    scripts = [p for p in LAB.rglob("*.js") if "static" not in p.parts]
    forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function"
    assert len(scripts) >= 6
    assert [p.name for p in scripts if re.search(forbidden, p.read_text(encoding="utf-8"))] == []


def test_markup_made_here_stays_as_it_is():
    assert tag("div", tag("b", "x")) == Markup("<div><b>x</b></div>")
