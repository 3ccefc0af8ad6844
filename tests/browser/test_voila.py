"""The workbench as a web application: Voilà shows the notebook without its code, and no network."""

import shutil
import subprocess
import sys

import pytest
from conftest import LOCAL, ROOT, _free_port, _private, _wait_for

pytestmark = pytest.mark.browser


@pytest.fixture
def voila(tmp_path):
    """Voilà on a copy of the workbench notebook: its URL."""
    shutil.copy(ROOT / "notebooks/workbench.ipynb", tmp_path)
    port = _free_port()
    command = [
        sys.executable, "-m", "voila", "workbench.ipynb", "--no-browser", f"--port={port}",
        "--Voila.ip=127.0.0.1",
    ]  # fmt: skip
    with open(tmp_path / "server.log", "wb") as log:
        server = subprocess.Popen(
            command, cwd=tmp_path, env=_private(tmp_path), stdout=log, stderr=log
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(f"{url}/voila/static/favicon.ico", server, tmp_path / "server.log")
        yield url
    finally:
        server.terminate()
        server.wait(timeout=20)


@pytest.fixture
def page(chromium):
    """A page without network, on which Voilà itself asks for nothing but its icons."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    page, escaped = context.new_page(), []

    def guard(route):
        if LOCAL.match(route.request.url):
            route.continue_()
        else:
            escaped.append(route.request.url)
            route.abort()

    context.route("**/*", guard)
    yield page
    context.close()
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
