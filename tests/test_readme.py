"""README: what it points to exists, and its two commands are the ones that work everywhere."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SET_UP = "python3 -m venv .venv && .venv/bin/pip install -e '.[test]' && "


def test_links_inside_the_repository_resolve():
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert links and all((ROOT / link).exists() for link in links)


def test_two_commands_set_everything_up():
    commands = [line for line in README.splitlines() if line.startswith("python3 -m venv")]
    assert commands == [f"{SET_UP}.venv/bin/qptlab", f"{SET_UP}.venv/bin/pytest"]


def test_no_placeholder_is_left():
    assert not re.search(r"^[A-Z]{4,}$|TODO|FIXME", README, flags=re.MULTILINE)
