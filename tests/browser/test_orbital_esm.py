"""The JavaScript of the 3D views in a real browser, in a plain page without Jupyter."""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from qptlab.lab.views import bundle
from qptlab.lab.views.box import Box
from qptlab.lab.views.molecule_view import molecule_html
from qptlab.lab.views.orbital_view import OrbitalView
from qptlab.library import molecule

pytestmark = [
    pytest.mark.skipif(not bundle.BUNDLE.exists(), reason="the 3D front end was not built"),
]

# Stands in for anywidget: the same `model` calls, and counters of what the page takes from WebGL.
PAGE = """<!doctype html><meta charset="utf-8"><body style="margin:0"><div id="box"></div>
<script>
  window.contexts = new Set(); window.buffers = 0; window.errors = [];
  addEventListener("error", (event) => errors.push(event.message));
  for (const canvas of [HTMLCanvasElement.prototype, OffscreenCanvas.prototype]) {
    const getContext = canvas.getContext;
    canvas.getContext = function (...how) {
      const context = getContext.apply(this, how);
      if (context && String(how[0]).startsWith("webgl")) contexts.add(context);
      return context;
    };
  }
  for (const [name, by] of [["createBuffer", 1], ["deleteBuffer", -1]]) {
    const original = WebGL2RenderingContext.prototype[name];
    WebGL2RenderingContext.prototype[name] = function (...what) {
      buffers += by;
      return original.apply(this, what);
    };
  }
</script>
<script type="module">
  import widget from "./front_end.js";
  const bytes = (text) => new DataView(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
  const state = STATE;
  state.field = bytes(state.field);
  const handlers = new Map();
  const model = {
    get: (name) => state[name],
    on: (event, handler) => handlers.set(event, [...(handlers.get(event) ?? []), handler]),
    off: (event, handler) =>
      handlers.set(event, handlers.get(event).filter((other) => other !== handler)),
  };
  window.handlersLeft = () => [...handlers.values()].flat().length;
  window.change = (changes) => {
    if (changes.field) changes.field = bytes(changes.field);
    Object.assign(state, changes);
    for (const name in changes) (handlers.get(`change:${name}`) ?? []).forEach((f) => f());
  };
  window.render = () => widget.render({ model, el: document.getElementById("box") });
  window.dispose = render();
</script>"""


def p_orbital() -> OrbitalView:
    """Water with something like a p orbital on it."""
    view, water = OrbitalView(height=300), molecule("water")
    view.show_molecule(water, Box.around(water.positions))
    show_p_orbital(view)
    return view


def show_p_orbital(view: OrbitalView, turn: float = 0.0) -> None:
    """Turns the p orbital by an angle (radians)."""
    water = molecule("water")
    x, y, z = (Box.around(water.positions).points - water.positions[0]).T
    along = np.cos(turn) * (x + y + z) + np.sin(turn) * (x - y)
    view.show_field(along * np.exp(-np.hypot(np.hypot(x, y), z)), "p orbital", ["plus", "minus"])


def state_of(view: OrbitalView) -> dict:
    """The synchronised traits as JSON can carry them."""
    names = [name for name in view.traits(sync=True) if not name.startswith("_")]
    state = {name: getattr(view, name) for name in names if name not in ("layout", "tabbable")}
    return state | {"field": base64.b64encode(view.field).decode()}


@pytest.fixture
def open_page(offline_page):
    """Opens a page of the given HTML beside the front end, on an address that no server has."""
    offline_page.set_viewport_size({"width": 400, "height": 300})

    def open_(html: str, script: str = ""):
        address = "http://127.0.0.1:9/"  # never reached: both files are answered here
        offline_page.route(
            address, lambda route: route.fulfill(body=html, content_type="text/html")
        )
        offline_page.route(
            f"{address}front_end.js",
            lambda route: route.fulfill(
                body=script or bundle.front_end(), content_type="text/javascript"
            ),
        )
        offline_page.goto(address)
        return offline_page

    return open_


def wait_for_redraw(page, more_than: int) -> None:
    page.wait_for_function(
        f"+(document.querySelector('[data-redraws]')?.dataset.redraws ?? 0) > {more_than}"
    )


def share_of_lobes(page) -> tuple[float, float]:
    """The shares of the page that are bluish and orange-ish."""
    pixels = np.array(Image.open(io.BytesIO(page.screenshot())).convert("RGB"), dtype=int)
    red, green, blue = np.moveaxis(pixels, -1, 0)
    bluish = (blue > red + 60) & (blue > green + 20)
    orange = (red > blue + 60) & (green > blue + 30) & (red > green)
    return float(bluish.mean()), float(orange.mean())


def opened_view(open_page):
    page = open_page(PAGE.replace("STATE", json.dumps(state_of(p_orbital()))))
    wait_for_redraw(page, 0)
    return page


def test_both_lobes_and_words_are_on_the_screen(open_page, artifacts):
    page = opened_view(open_page)
    page.screenshot(path=artifacts / "orbital_view.png")
    assert min(share_of_lobes(page)) > 0.02
    frame = page.locator("[data-redraws]")
    assert frame.get_attribute("data-title") == "p orbital"
    assert page.get_by_role("img", name="p orbital").count() == 1
    assert all(word in frame.inner_text() for word in ("p orbital", "plus", "minus"))


@pytest.mark.browser
def test_fifty_fields_use_one_viewer_and_leave_the_camera_alone(open_page):
    page = opened_view(open_page)
    get_view = "() => document.querySelector('canvas')._3dmol_viewer.getView()"
    first = page.evaluate(get_view)
    page.mouse.move(200, 150)
    page.mouse.down()
    page.mouse.move(280, 190, steps=4)
    page.mouse.up()
    turned = page.evaluate(get_view)
    assert turned != first
    view, pictures, buffers = p_orbital(), set(), []
    for step in range(50):
        shown = int(page.locator("[data-redraws]").get_attribute("data-redraws"))
        show_p_orbital(view, turn=step / 8)
        field = base64.b64encode(view.field).decode()
        page.evaluate("field => change({ field })", field)
        wait_for_redraw(page, shown)
        buffers.append(page.evaluate("buffers"))
        if step % 10 == 0:
            pictures.add(page.screenshot())
    assert len(pictures) == 5
    assert page.evaluate(get_view) == turned
    assert page.locator("canvas").count() == 1 and page.evaluate("contexts.size") == 1
    assert buffers[-1] <= buffers[1], "old lobes stay on the graphics card"
    assert page.evaluate("errors") == []


@pytest.mark.browser
def test_another_molecule_moves_the_camera_and_isovalue_shrinks_the_lobes(open_page):
    page = opened_view(open_page)
    large = sum(share_of_lobes(page))
    page.evaluate("change({ isovalue: 0.15 })")
    wait_for_redraw(page, 1)
    assert 0 < sum(share_of_lobes(page)) < 0.8 * large
    get_view = "() => document.querySelector('canvas')._3dmol_viewer.getView()"
    before = page.evaluate(get_view)
    other, benzene = OrbitalView(), molecule("benzene")
    other.show_molecule(benzene, Box.around(benzene.positions))
    page.evaluate("changes => change(changes)", state_of(other))
    wait_for_redraw(page, 2)
    assert page.evaluate(get_view) != before
    assert sum(share_of_lobes(page)) < 0.01  # no field yet


@pytest.mark.browser
def test_dispose_gives_everything_back(open_page):
    page = opened_view(open_page)
    buffers = page.evaluate("buffers")
    for _ in range(3):  # as when a cell runs again
        page.evaluate("dispose()")
        assert page.locator("canvas").count() == 0 and page.evaluate("handlersLeft()") == 0
        page.evaluate("void (window.dispose = render())")
        wait_for_redraw(page, 0)
    assert page.evaluate("contexts.size") == 1
    # 3Dmol itself never frees the few quads that it paints the screen with
    assert page.evaluate("buffers") - buffers <= 3 * 8
    page.evaluate("dispose()")
    page.set_viewport_size({"width": 500, "height": 400})  # a dead viewer must not wake up
    page.wait_for_timeout(200)
    assert page.locator("canvas").count() == 0 and page.evaluate("errors") == []


@pytest.mark.browser
def test_where_the_front_end_was_not_built_the_box_says_so(open_page, monkeypatch, tmp_path):
    (tmp_path / "not-built.txt").write_text('npm said "no </script> network"')
    monkeypatch.setattr(bundle, "STATIC", tmp_path)
    monkeypatch.setattr(bundle, "BUNDLE", tmp_path / "orbital_view.js")
    page = open_page(PAGE.replace("STATE", json.dumps(state_of(p_orbital()))))
    words = page.locator(".qptlab-not-built").inner_text()
    assert "pip install -e ." in words and 'npm said "no </script> network"' in words


@pytest.mark.browser
def test_molecules_are_shown_and_share_one_library(open_page, artifacts):
    pieces = [molecule_html(molecule("water"), with_library=False)]  # may come before the bringer
    pieces += [molecule_html(molecule("ethanol")), molecule_html(molecule("ammonia"))]
    page = open_page("<!doctype html><body>" + "".join(pieces))
    page.set_viewport_size({"width": 640, "height": 1020})
    page.wait_for_function("document.querySelectorAll('canvas').length === 3")
    page.wait_for_timeout(500)
    page.screenshot(path=artifacts / "molecules.png")
    for canvas in page.locator("canvas").all():
        pixels = np.array(Image.open(io.BytesIO(canvas.screenshot())).convert("RGB"), dtype=int)
        assert (np.ptp(pixels, axis=-1) > 60).mean() > 0.001  # red oxygen, blue nitrogen
