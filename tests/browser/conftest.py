"""A real Chromium and a real JupyterLab, private to the test run and without network."""

import json
import os
import shutil
import sys
from pathlib import Path

import nbformat
import pytest
from browser.servers import ROOT, free_port, page_without_network, serving

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]
MOLECULES = 'import qptlab as ql\n\nql.molecule("water")', 'ql.molecule("ethanol")'
SETTINGS = {
    # without it a modal "Select Kernel" covers the page
    "notebook-extension/tracker": {"autoStartDefaultKernel": True},
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}


def find_chromium() -> str | None:
    """Path of a Chromium: QPTLAB_CHROMIUM if set, else what is installed on the machine."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("QPTLAB_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


def give_up(reason: str) -> None:
    """Skip, or fail where the browser tests are compulsory (QPTLAB_REQUIRE_BROWSER=1)."""
    if os.environ.get("QPTLAB_REQUIRE_BROWSER") == "1":
        pytest.fail(f"browser tests are required here, but {reason}", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def chromium():
    """The system's Chromium, headless, driven by Playwright: a `playwright.sync_api.Browser`."""
    path = find_chromium()
    if path is None:
        give_up("no Chromium was found (install one, or set QPTLAB_CHROMIUM to its path)")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        give_up("the Python package playwright is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def artifacts() -> Path:
    """Folder for screenshots: QPTLAB_ARTIFACTS, else `test-artifacts/` in the repository."""
    folder = Path(os.environ.get("QPTLAB_ARTIFACTS") or ROOT / "test-artifacts")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def offline_page(chromium):
    """A 1280×800 page on which a request that leaves 127.0.0.1 is aborted and an error."""
    with page_without_network(chromium) as (page, escaped):
        yield page
    assert escaped == [], "the page asked for something outside 127.0.0.1"


@pytest.fixture(scope="module")  # gone with its kernels before other tests need the machine
def jupyterlab(tmp_path_factory):
    """A JupyterLab over a copy of `notebooks/` and molecules.ipynb, private: its base URL."""
    home = tmp_path_factory.mktemp("jupyterlab")
    shutil.copytree(ROOT / "notebooks", home / "notebooks", ignore=shutil.ignore_patterns(".*"))
    cells = [nbformat.v4.new_code_cell(source) for source in MOLECULES]
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=metadata)
    nbformat.write(notebook, home / "notebooks/molecules.ipynb")
    for name, value in SETTINGS.items():
        path = home / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value))
    port = free_port()
    with serving(_lab_command(home, port), home, port, "/api/status") as url:
        yield url


def _lab_command(home: Path, port: int) -> list[str]:
    options = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": port,
        "ServerApp.port_retries": 0,
        "ServerApp.root_dir": home / "notebooks",
        "ServerApp.open_browser": False,
        "ServerApp.allow_root": True,
        "IdentityProvider.token": "",
        "LabApp.expose_app_in_browser": True,
        "LabApp.extension_manager": "readonly",
    }
    return [
        sys.executable,
        "-m",
        "jupyterlab",
        *(f"--{name}={value}" for name, value in options.items()),
    ]
