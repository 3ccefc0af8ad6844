"""The workbench as a web application: Voilà shows the notebook without its code, and no network."""

import shutil
import sys

import pytest
from browser.servers import ROOT, free_port, page_without_network, serving

pytestmark = pytest.mark.browser


@pytest.fixture
def voila(tmp_path):
    """Voilà on a copy of the workbench notebook: its URL."""
    shutil.copy(ROOT / "notebooks/workbench.ipynb", tmp_path)
    port = free_port()
    command = [
        sys.executable, "-m", "voila", "workbench.ipynb", "--no-browser", f"--port={port}",
        "--Voila.ip=127.0.0.1",
    ]  # fmt: skip
    with serving(command, tmp_path, port, "/voila/static/favicon.ico") as url:
        yield url


@pytest.fixture
def page(chromium):
    """A page without network, on which Voilà itself asks for nothing but its icons."""
    with page_without_network(chromium) as (page, escaped):
        yield page
    assert [url for url in escaped if "fontawesome" not in url] == []


def test_it_trains_and_shows_orbitals(voila, page, artifacts):
    page.goto(voila, wait_until="commit", timeout=120_000)
    status = page.locator(".qptlab-left .qptlab-status")
    status.filter(has_text="ready").wait_for(timeout=180_000)
    basis = page.locator(".qptlab-basis input")
    basis.fill("sto-3g")
    basis.press("Tab")
    page.locator("button", has_text="Start").first.click()
    page.wait_for_function(
        """() => Number((document.querySelector('.qptlab-tile b')?.innerText ?? '')
             .replace(/\\D/g, '')) >= 5""",
        timeout=240_000,
    )
    page.locator("button", has_text="Stop").click()
    status.filter(has_text="stopped").wait_for(timeout=120_000)
    page.locator("[role=listbox][data-selected=HOMO]").wait_for(timeout=120_000)
    page.screenshot(path=artifacts / "voila.png", full_page=True)
