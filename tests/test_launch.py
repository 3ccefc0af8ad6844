"""`qptlab lab`: which folder it opens, and that the server it starts answers with the notebook."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from qptlab.cli import main
from qptlab.lab import launch


def test_a_checkout_opens_its_own_notebooks():
    assert (launch.prepare_folder(None) / launch.WORKBENCH).is_file()


def test_a_folder_gets_what_it_lacks_and_keeps_what_it_has(tmp_path):
    place = launch.prepare_folder(tmp_path / "new")
    assert (place / launch.WORKBENCH).is_file()
    (place / launch.WORKBENCH).write_text("mine")
    assert (launch.prepare_folder(place) / launch.WORKBENCH).read_text() == "mine"


def test_a_folder_gets_the_pages_too_and_their_links_lead_somewhere(tmp_path):
    place = launch.prepare_folder(tmp_path / "new")
    pages = {page.name: page.read_text(encoding="utf-8") for page in place.glob("docs/*.md")}
    assert {"README.md", "how_it_works.md", "command_line.md", "results.md"} <= set(pages)
    for name, text in pages.items():
        links = re.findall(r"\]\((?!https?:)([^)#]+)\)", text)
        assert links and all((place / "docs" / link).is_file() for link in links), name
    (place / "docs/results.md").write_text("mine")
    assert (launch.prepare_folder(place) / "docs/results.md").read_text() == "mine"


def test_a_file_is_not_a_folder(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["lab", str(tmp_path / "file")]) == 2
    assert "is a file; expected a folder" in capsys.readouterr().err


def fetch(address: str, seconds: float = 20) -> bytes:
    """The body at an address whose server may still be starting to listen."""
    end = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(address, timeout=seconds) as answer:
                return answer.read()
        except urllib.error.URLError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_the_server_prints_its_address_and_serves_the_workbench(tmp_path):
    private = {name: str(tmp_path) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "HOME")}
    command = [sys.executable, "-m", "qptlab", "lab", "--no-browser", str(tmp_path / "notebooks")]
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **private, "JUPYTER_PREFER_ENV_PATH": "1"},
        start_new_session=True,
    )
    try:
        found = (re.search(r"http://127\.0\.0\.1:\S+", line) for line in process.stderr)
        address = next(match.group() for match in found if match)
        assert f"/doc/tree/{launch.WORKBENCH}?token=" in address
        contents = address.replace("/doc/tree/", "/api/contents/")
        assert b"ql.workbench()" in fetch(contents)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stderr.close()


MET_BY_A_COLLECTION = """
import gc, os, signal, time
from qptlab.signals import Stopped, stoppable

def collect(phase, info):
    gc.callbacks.clear()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.01)

gc.callbacks[:] = [collect]
try:
    with stoppable():
        gc.collect()
        time.sleep(30)
except Stopped as stopped:
    raise SystemExit(stopped.status)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_signal_that_meets_a_garbage_collection_is_not_lost():
    """JAX runs Python in each, and what is raised there ends no program."""
    command = [sys.executable, "-c", MET_BY_A_COLLECTION]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (143, "")
