"""A new bench is one file and one line: options, worker, tables and --help find it there."""

import json
import subprocess
import sys

import pytest

import qptlab.bench
from qptlab.bench import Bench, registry, worker
from qptlab.cli import main

FILE = '''
"""The bench `toy`: how far one can count."""

from dataclasses import dataclass

from qptlab.bench.row import Compared
from qptlab.bench.table import goal, goals_table, table


@dataclass(frozen=True, kw_only=True)
class ToyRow(Compared):
    """One count."""

    count: int  # how far

    def progress(self):
        return f"  counted to {self.count}"


def rows(options):
    for case, theory in options.pairs():
        known = {"case": case, "theory": str(theory), "threads": options.threads, "compile_s": 0.0}
        for count in range(options.rounds):
            yield ToyRow(**known, ours_s=1.0, peer_s=2.0, ratio=0.5, count=count)


def summary(rows):
    return {"goals": [goal("numbers", 9, max(row.count for row in rows))]}


def tables(report):
    columns = {"case": "{case}", "count": "{count:02d}"}
    return [table("counted", columns, report["rows"], markdown=True), goals_table(report)]
'''


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """The file among the others, and its line."""
    (tmp_path / "toy.py").write_text(FILE)
    monkeypatch.setattr(qptlab.bench, "__path__", [*qptlab.bench.__path__, str(tmp_path)])
    line = Bench("toy", "counting", registry.molecules("water"), ("lda",), ("rounds",))
    monkeypatch.setattr(registry, "BENCHES", [*registry.BENCHES, line])
    monkeypatch.setattr(qptlab.bench, "measure", worker.report)  # here, not in another process


def test_a_new_bench_is_one_file_and_one_line(toy, capsys):
    assert main(["bench", "toy", "--rounds", "3", "--cases", "water,ammonia", "--json"]) == 0
    shown = capsys.readouterr()
    report = json.loads(shown.out)
    assert report["bench"] == "toy" and len(report["machine"]["load_average_after"]) == 3
    assert [row["count"] for row in report["rows"]] == [0, 1, 2] * 2
    for row in report["rows"]:
        known = {"case", "theory", "ours_s", "peer_s", "ratio", "threads", "compile_s"}
        assert set(row) == known | {"count"} and row["theory"] == "lda/def2-svp"
    assert report["summary"]["goals"] == [
        {"goal": "numbers", "at_most": 9, "measured": 2, "met": True}
    ]
    assert "ammonia, lda/def2-svp\n  counted to 0\n" in shown.err


def test_its_tables_are_printed(toy, capsys):
    assert main(["bench", "toy", "--rounds", "1"]) == 0
    shown = capsys.readouterr().out
    assert "\ncounted\n\n| case | count |\n| --- | --- |\n| water | 00 |\n" in shown
    assert "measured" in shown and "met" in shown


def test_it_is_known_everywhere(toy, capsys):
    with pytest.raises(SystemExit):
        main(["bench", "--help"])
    assert "toy: counting" in " ".join(capsys.readouterr().out.split())
    for argv, message in (
        (["bench", "nonsense"], "unknown bench 'nonsense'; known: dft, agreement"),
        (["bench", "nonsense"], "panel, toy\n"),
        (["bench", "toy", "--minutes", "1"], "bench toy takes no --minutes"),
        (["bench", "toy", "--peer-cases", "water"], "bench toy takes no --peer-cases"),
        (["bench", "toy", "--figure", "x.png"], "--figure belongs to the bench cost; got toy"),
    ):
        assert main(argv) == 2
        assert message in capsys.readouterr().err


def test_help_waits_for_no_library():
    code = (
        "import sys, qptlab; before = set(sys.modules); import qptlab.cli.arguments; "
        "print(*{name.partition('.')[0] for name in set(sys.modules) - before})"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert set(found.stdout.split()) <= {"qptlab", *sys.stdlib_module_names}
