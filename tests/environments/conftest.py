"""The program that makes environments, and the wheel that is installed in them."""

import shutil
import sys
from pathlib import Path

import pytest
from environments.virtual import ROOT, run


@pytest.fixture(scope="session")
def uv(tmp_path_factory) -> Path:
    """The program uv: the machine's, or else the package index's."""
    if there := shutil.which("uv"):
        return Path(there)
    folder = tmp_path_factory.mktemp("uv")
    run([sys.executable, "-m", "pip", "install", "-q", "--target", folder, "uv"])
    return folder / "bin/uv"


@pytest.fixture(scope="session")
def wheel(uv, tmp_path_factory) -> Path:
    """The package as an index would have it."""
    out = tmp_path_factory.mktemp("wheel")
    run([uv, "build", "-q", "--wheel", "--python", sys.executable, "-o", out, ROOT])
    (built,) = out.glob("*.whl")
    return built
