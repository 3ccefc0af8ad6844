"""The static page in a real browser: opened from a file, without kernel and without network."""

import io
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from qptlab.dft import scf
from qptlab.lab.files.orbital_page import orbital_page
from qptlab.lab.views import bundle
from qptlab.library import molecule
from qptlab.reference import pyscf_scf

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not bundle.BUNDLE.exists(), reason="the 3D front end was not built"),
]
LARGEST_BYTES = 3e6


@pytest.fixture(scope="module")
def water_page(tmp_path_factory):
    """Water in def2-SVP, a few iterations from the end of its SCF, beside PySCF's result."""
    path = tmp_path_factory.mktemp("page") / "water.html"
    water = molecule("water")
    close = scf(water, "lda/def2-svp", max_builds=6)
    orbital_page(close, path, reference=pyscf_scf(water, "lda/def2-svp"))
    return path


@pytest.fixture
def open_page(chromium, water_page):
    """Opens the page; every request but that for the file itself is aborted and an error."""
    contexts, asked, errors = [], [], []

    def open_(scheme: str = "light"):
        context = chromium.new_context(viewport={"width": 1280, "height": 800}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda line: line.type == "error" and errors.append(line.text))

        def guard(route):
            if route.request.url == water_page.as_uri() or route.request.url.startswith("blob:"):
                return route.continue_()
            asked.append(route.request.url)
            route.abort()

        context.route("**/*", guard)
        page.goto(water_page.as_uri())
        page.wait_for_selector("#stage.ready", timeout=30_000)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert asked == [] and errors == []


def pixels(page) -> np.ndarray:
    """The 3D view as it is on the screen."""
    page.wait_for_timeout(400)
    shot = page.locator("#stage canvas").screenshot()
    return np.array(Image.open(io.BytesIO(shot)).convert("RGB"), dtype=int)


def redraws(page) -> int:
    return int(page.locator("[data-redraws]").get_attribute("data-redraws"))


def wait_until(page, true) -> None:
    """Playwright's own waiting evaluates text, which the page's security policy forbids."""
    for _ in range(400):
        if true():
            return
        page.wait_for_timeout(50)
    pytest.fail("nothing happened within 20 s")


def after(page, act) -> np.ndarray:
    """The picture after the redraw that `act()` causes."""
    before = redraws(page)
    act()
    wait_until(page, lambda: redraws(page) > before)
    return pixels(page)


def differ(one: np.ndarray, other: np.ndarray) -> bool:
    return bool((np.abs(one - other).max(axis=2) > 30).mean() > 0.005)


def title(page) -> str:
    return page.locator("[data-title]").get_attribute("data-title")


def test_the_page_is_small(water_page):
    assert water_page.stat().st_size <= LARGEST_BYTES


def test_arrow_keys_turn_through_the_orbitals(open_page, artifacts):
    page = open_page()
    assert title(page).startswith("HOMO · predicted · −")
    seen = [pixels(page)]
    page.screenshot(path=artifacts / "page-light.png")
    for name in ("LUMO", "LUMO+1"):  # the slider has the focus from the start
        seen.append(after(page, lambda: page.keyboard.press("ArrowRight")))
        assert title(page).startswith(f"{name} · ") and page.title().startswith(f"{name} · ")
        assert page.get_by_role("img", name=f"lobes of {name} · ").count() == 1
        assert page.locator("#orbital").get_attribute("aria-valuetext").startswith(f"{name}, ")
        assert differ(*seen[-2:])
    page.mouse.click(10, 10)  # takes the focus away
    back = after(page, lambda: page.keyboard.press("ArrowLeft"))
    assert title(page).startswith("LUMO · ") and not differ(back, seen[1])


def test_every_control_changes_the_picture(open_page, artifacts):
    page = open_page()
    seen = [pixels(page)]
    isovalue = page.locator("#isovalue")
    seen.append(after(page, lambda: isovalue.evaluate(
        "slider => { slider.value = -0.8; slider.dispatchEvent(new Event('input')) }"
    )))  # fmt: skip
    assert "0.158" in page.locator("#isovalue-text").inner_text()
    seen.append(after(page, lambda: page.get_by_text("difference", exact=True).click()))
    page.screenshot(path=artifacts / "page-difference.png")
    assert "predicted − PySCF" in title(page)
    page.get_by_text("PySCF", exact=True).last.click()
    wait_until(page, lambda: "· PySCF ·" in page.title())
    seen.append(after(page, lambda: page.locator("#levels svg").click(position={"x": 60, "y": 45})))
    assert title(page).startswith("LUMO+") and " · PySCF · " in title(page)
    assert all(differ(a, b) for a, b in pairwise(seen))


def test_the_page_is_dark_where_the_reader_likes_it_dark(open_page, artifacts):
    page = open_page("dark")
    corner = pixels(page)[40, -40]
    page.screenshot(path=artifacts / "page-dark.png")
    assert corner.max() < 60
    page.emulate_media(color_scheme="light")
    assert pixels(page)[40, -40].min() > 240
