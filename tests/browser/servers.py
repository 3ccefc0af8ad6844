"""Servers that tests start, and pages that reach nothing else."""

import contextlib
import os
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCAL = re.compile(r"^(https?|wss?)://127\.0\.0\.1[:/]|^(blob|data|about):")


@contextlib.contextmanager
def page_without_network(chromium) -> Iterator[tuple]:
    """A page, and the list of what it asked for outside 127.0.0.1, which it did not get."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    page, escaped = context.new_page(), []

    def guard(route):
        if LOCAL.match(route.request.url):
            route.continue_()
        else:
            escaped.append(route.request.url)
            route.abort()

    context.route("**/*", guard)
    page.on("websocket", lambda socket_: LOCAL.match(socket_.url) or escaped.append(socket_.url))
    yield page, escaped
    context.close()


@contextlib.contextmanager
def serving(command: list[str], home: Path, port: int, known: str) -> Iterator[str]:
    """The URL of a server that runs as long as the block; `known` is a path that it answers."""
    with open(home / "server.log", "wb") as log:
        server = subprocess.Popen(command, cwd=home, env=_private(home), stdout=log, stderr=log)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(f"{url}{known}", server, home / "server.log")
        yield url
    finally:
        server.terminate()
        try:
            server.wait(timeout=10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _private(home: Path) -> dict[str, str]:
    """The environment of the server: no configuration or data of the user's is read or written."""
    folders = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
    }
    return (
        os.environ
        | {"JUPYTER_PREFER_ENV_PATH": "1"}
        | {name: str(home / path) for name, path in folders.items()}
    )


def _wait_for(url: str, server: subprocess.Popen, log: Path, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"JupyterLab did not answer:\n{log.read_text()[-2000:]}", pytrace=False)
