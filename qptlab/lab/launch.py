"""`qptlab lab`: JupyterLab on the workbench notebook, from a checkout or an installed wheel."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from qptlab.children import child
from qptlab.errors import InputError

WORKBENCH = "workbench.ipynb"
OWN_FOLDER = "qptlab-notebooks"


def open_lab(folder: str | os.PathLike | None = None, *, browser: bool = True) -> None:
    """Start JupyterLab in `folder` on the workbench notebook; returns when it is closed.

    Where this process ends first, JupyterLab and its kernels end too, within 10 s.

    Args:
        folder: where the notebooks are; missing ones are copied there with the pages of `docs`,
            none is overwritten. By default the checkout's own notebooks, or `qptlab-notebooks` for
            an installed package.
        browser: open a browser; JupyterLab prints the URL in any case.

    Raises:
        InputError: `folder` is a file, or no notebooks can be found.
    """
    # the notebook fills the window, and nothing asks the network
    command = [
        sys.executable, "-m", "jupyterlab",
        f"--ServerApp.root_dir={prepare_folder(folder)}",
        f"--LabApp.default_url=/doc/tree/{WORKBENCH}",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.extension_manager=readonly",
    ]  # fmt: skip
    if not browser:
        command.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")  # containers: JupyterLab refuses root otherwise
    # a signal that JupyterLab answers by ending its kernels
    with child(command, signal.SIGTERM, stdin=subprocess.DEVNULL) as server:
        server.wait()


def prepare_folder(folder: str | os.PathLike | None) -> Path:
    """The folder to open, holding every notebook and page that comes with qptlab."""
    source = shipped_notebooks()
    if folder is None and source.parent.joinpath("pyproject.toml").is_file():
        return source
    place = Path(folder if folder is not None else OWN_FOLDER)
    if place.exists() and not place.is_dir():
        raise InputError(f"{place} is a file; expected a folder for the notebooks")
    place.mkdir(parents=True, exist_ok=True)
    for original in (*source.glob("*.ipynb"), *source.glob("docs/*.md")):
        copy = place / original.relative_to(source)
        if not copy.exists():
            copy.parent.mkdir(exist_ok=True)
            shutil.copy(original, copy)
    return place


def shipped_notebooks() -> Path:
    """The notebooks of the checkout, or those inside the installed package."""
    package = Path(__file__).resolve().parents[1]
    for place in (package / "notebooks", package.parent / "notebooks"):
        if (place / WORKBENCH).is_file():
            return place
    raise InputError(f"no notebooks come with the qptlab in {package}; install it again")
