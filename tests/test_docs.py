"""The pages of notebooks/docs: links, commands, code and files that they name are real."""

import ast
import re
import shlex
import subprocess
import sys

import pytest
from pages import PAGES, README, ROOT, code_blocks, inline_code, links, sections

import qptlab as ql
from qptlab.bench import BENCHES
from qptlab.cli import main, manual
from qptlab.cli.arguments import parser
from qptlab.qpt.losses import parse_loss

FOLDER = ROOT / "notebooks/docs"
EXPECTED = {
    "README", "architecture", "command_line", "conventions", "how_it_works", "python", "results",
    "teaching", "trust", "workbench",
}  # fmt: skip
TEXTS = {path.name: path.read_text(encoding="utf-8") for path in PAGES} | {"/README.md": README}
RESULTS = TEXTS["results.md"]
FIGURES = {heading: text for heading, text in sections(RESULTS).items() if "\n|" in text}
NAMES_AND_WORDS = "savin,commun,formate,fro"
by_page = pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)


def commands(text: str) -> list[list[str]]:
    """The arguments of every `qptlab …` that a text tells you to type."""
    typed = [part for code in inline_code(text) for part in code.split(" && ")]
    called = [shlex.split(part)[1:] for part in typed if part.startswith("qptlab ")]
    return [argv for argv in called if not {"NAME", "[DIR]", "…"} & set(argv)]


ALL_COMMANDS = [(name, argv) for name, text in TEXTS.items() for argv in commands(text)]


def test_all_pages_are_there_and_the_index_names_them():
    assert {path.stem for path in PAGES} == EXPECTED
    linked = links(TEXTS["README.md"])
    assert {f"{name}.md" for name in EXPECTED - {"README"}} <= set(linked)


@by_page
def test_a_page_begins_with_what_it_is_for_and_where_the_others_are(path):
    title, _, purpose, *_ = TEXTS[path.name].split("\n")
    assert title.startswith("# ") and purpose
    first = TEXTS[path.name].split("\n\n")[1]
    assert first.endswith(".")
    if path.stem != "README":
        assert "README.md" in links(first) and len(links(first)) >= 2


@by_page
def test_links_lead_to_files_that_travel_with_the_page(path):
    for link in links(TEXTS[path.name]):
        target = (path.parent / link).resolve()
        # in the wheel and in `qptlab lab DIR` there is nothing above notebooks/
        assert target.is_file() and target.is_relative_to(FOLDER.parent), link


def test_contributing_points_to_what_exists_and_gives_four_commands():
    place = ROOT / ".github/CONTRIBUTING.md"
    text = place.read_text(encoding="utf-8")
    assert all((place.parent / link).is_file() for link in links(text))
    assert len(code_blocks(text, "sh")) == 4


@pytest.mark.parametrize("name", TEXTS)
def test_files_that_are_named_exist(name):
    named = {
        code.split()[0]
        for code in inline_code(TEXTS[name])
        if re.match(r"(qptlab|tests|notebooks)/[\w/.]+$", code)
    }
    named = {path for path in named if "NAME" not in path}
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("name", TEXTS)
def test_python_is_python_and_public_names_are_public(name):
    for block in code_blocks(TEXTS[name], "python"):
        ast.parse(block)
    used = set(re.findall(r"\bql\.(\w+)", TEXTS[name]))
    assert used <= set(dir(ql)), used - set(dir(ql))


# -- the command line ------------------------------------------------------------------------------


def test_the_command_line_page_is_what_the_parser_says():
    page = TEXTS["command_line.md"]
    assert manual.rewritten(page) == page, "run python -m qptlab.cli.manual, as the page says"


def test_the_generator_names_every_command_and_needs_its_heading():
    page = manual.rewritten(f"by hand\n\n{manual.HEADING}\nstale words")
    assert page.startswith("by hand\n\n") and "stale" not in page
    for command in ("lab", "energy", "train", "predict", "evaluate", "warm", "bench"):
        assert f"\n### {command}" in page
    assert r"| `--coulomb df\|exact` | df by default |" in page
    with pytest.raises(ValueError, match="no heading"):
        manual.rewritten("by hand")


@pytest.mark.parametrize("name, argv", ALL_COMMANDS, ids=lambda value: "".join(value)[:60])
def test_commands_parse(name, argv):
    args = parser().parse_args(argv)
    files = [part for part in argv if part.startswith("qptlab/")]
    assert all((ROOT / part).is_file() for part in files)
    if getattr(args, "loss", None):
        parse_loss(args.loss)


@pytest.mark.parametrize(
    "argv", [argv for _, argv in ALL_COMMANDS if argv[0] == "bench"], ids=" ".join
)
def test_bench_commands_are_accepted(argv, monkeypatch):
    asked = []

    def measure(options):
        asked.append(options)
        raise KeyboardInterrupt

    monkeypatch.setattr("qptlab.bench.measure", measure)
    assert main(argv) == 130 and asked[0].bench == argv[1]


# -- the results -----------------------------------------------------------------------------------


def test_every_table_of_figures_names_the_command_that_wrote_it():
    assert len(FIGURES) >= 7
    for heading, text in FIGURES.items():
        assert {argv[0] for argv in commands(text)} & {"bench", "evaluate"}, heading


def test_every_bench_has_its_figures():
    measured = {argv[1] for argv in commands(RESULTS) if argv[0] == "bench"}
    benches = {argv[1] for argv in commands(TEXTS["command_line.md"]) if argv[0] == "bench"}
    assert benches == {bench.name for bench in BENCHES}
    assert measured == benches


def test_no_placeholder_is_left():
    for text in TEXTS.values():
        assert not re.search(r"^[A-Z]{4,}$|TODO|FIXME", text, flags=re.MULTILINE)


def test_spelling():
    checked = [*PAGES, ROOT / ".github/CONTRIBUTING.md"]
    command = [sys.executable, "-m", "codespell_lib", "-L", NAMES_AND_WORDS, *map(str, checked)]
    found = subprocess.run(command, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout + found.stderr
