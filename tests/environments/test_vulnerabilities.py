"""No package that an installation brings has a vulnerability that is publicly known."""

import json
import subprocess

import pytest
from environments.virtual import MINORS, Environment, create, python

DATABASE = "osv"
"""https://api.osv.dev, which asks no package index anything."""


@pytest.mark.environments
def test_no_installed_package_is_known_to_be_vulnerable(uv, wheel, tmp_path, capsys):
    minor = max((minor for minor in MINORS if python(minor)), default=None)
    if minor is None:
        pytest.skip(f"none of the Pythons 3.{MINORS} is on this machine")
    create(Environment(minor, "newest"), tmp_path / "env", wheel, uv)
    (packages,) = (tmp_path / "env").glob("lib/*/site-packages")
    options = ["--path", packages, "-s", DATABASE, "-f", "json", "--progress-spinner", "off"]
    done = subprocess.run(
        [uv, "tool", "run", "-q", "pip-audit", *options], capture_output=True, text=True
    )
    looked_at, vulnerable = judged(done.stdout)
    if not looked_at:
        pytest.skip(f"its database, {DATABASE}, cannot be reached: {last_line(done.stderr)}")
    with capsys.disabled():
        print(f"\n{looked_at} packages audited, {len(vulnerable)} vulnerabilities")
    assert vulnerable == []


def judged(report: str) -> tuple[int, list[str]]:
    """Of how many packages pip-audit learnt something, and a line for every vulnerability.

    A database that does not know a package does not make it a safe one; one that cannot be
    reached leaves no report at all.
    """
    packages = json.loads(report)["dependencies"] if report.startswith("{") else []
    known = [one for one in packages if "vulns" in one]
    return len(known), [
        f"{one['name']} {one['version']}: {entry['id']}, mended in {entry['fix_versions']}"
        for one in known
        for entry in one["vulns"]
    ]


def last_line(text: str) -> str:
    return text.strip().splitlines()[-1] if text.strip() else "it said nothing"


def test_a_package_that_the_database_does_not_know_is_not_called_safe():
    entry = {"id": "PYSEC-1", "fix_versions": ["2.1"], "aliases": [], "description": "bad"}
    packages = [
        {"name": "unknown", "skip_reason": "not found"},
        {"name": "safe", "version": "1.0", "vulns": []},
        {"name": "holed", "version": "2.0", "vulns": [entry]},
    ]
    said = "holed 2.0: PYSEC-1, mended in ['2.1']"
    assert judged(json.dumps({"dependencies": packages})) == (2, [said])
    assert judged(json.dumps({"dependencies": packages[:1]})) == (0, [])
    assert judged("") == (0, [])
