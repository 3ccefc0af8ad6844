"""Virtual environments with a wheel of qptlab, one for each Python and choice of dependencies."""

import os
import shutil
import subprocess
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MINORS = 11, 12, 13
"""Of the Pythons 3 that are tried, the lowest that pyproject.toml allows first."""
CHOICES = {"newest": "highest", "oldest": "lowest-direct"}
"""What uv calls them. Oldest: every lower bound of pyproject.toml, met exactly."""


@dataclass(frozen=True)
class Environment:
    """Which Python, 3.`minor`, and which dependencies."""

    minor: int
    choice: str

    def __str__(self) -> str:
        return f"3.{self.minor}-{self.choice}"


def environments() -> list[Environment]:
    """Those to try; lower bounds often have no wheel for a newer Python than the lowest."""
    newest = [Environment(minor, "newest") for minor in MINORS]
    return [Environment(MINORS[0], "oldest"), *newest]


@cache
def python(minor: int) -> Path | None:
    """A Python 3.`minor` of this machine that starts, pyenv's first; none where there is none."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found = sorted(root.glob(f"versions/3.{minor}.*/bin/python3.{minor}"))
    on_path = shutil.which(f"python3.{minor}")
    for path in [*found, *([Path(on_path)] if on_path else [])]:
        # pyenv's shims lie on PATH for versions, too, that are not switched on
        if subprocess.run([path, "-c", "import venv"], capture_output=True).returncode == 0:
            return path
    return None


def create(environment: Environment, folder: Path, wheel: Path, uv: Path) -> Path:
    """Install a wheel of qptlab with what its tests need; returns the environment's Python.

    Raises:
        AssertionError: uv could not, with its last words.
    """
    run([uv, "venv", "-q", "--python", python(environment.minor), folder])
    installed = folder / "bin/python"
    install = [uv, "pip", "install", "-q", "--python", installed, "--only-binary", ":all:"]
    # named by the wheel alone, they would not be direct ones, and be the newest
    dependencies = ["-r", ROOT / "pyproject.toml", "--extra", "test"]
    run([*install, "--resolution", CHOICES[environment.choice], *dependencies])
    run([*install, "--no-deps", wheel])
    return installed


def lower_bounds() -> dict[str, str]:
    """Of every dependency of qptlab and of its tests, by name, as pyproject.toml has them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    listed = project["dependencies"] + project["optional-dependencies"]["test"]
    return dict(requirement.split(">=") for requirement in listed)


def versions(installed: Path, names: Iterable[str]) -> dict[str, str]:
    """Of these packages, in the environment of a Python."""
    code = "import sys, importlib.metadata as m; print(*map(m.version, sys.argv[1:]))"
    return dict(zip(names, run([installed, "-c", code, *names]).split(), strict=True))


def run(command: list[object], cwd: Path | None = None) -> str:
    """What a program prints, none of our paths and settings in its environment.

    Raises:
        AssertionError: it failed; with its last words.
    """
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "PYTEST", "VIRTUAL_ENV", "XLA_FLAGS"))
    }
    command = [str(part) for part in command]
    done = subprocess.run(command, cwd=cwd, env=clean, capture_output=True, text=True)
    assert done.returncode == 0, "\n".join(
        [" ".join(command), *(done.stdout + done.stderr).splitlines()[-60:]]
    )
    return done.stdout
