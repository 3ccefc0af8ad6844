"""Scripts planted in everything that people write: shown as text in a real browser, never run."""

import json

import nbformat
import pytest
from browser.servers import ROOT
from lab_driver import Notebook

from qptlab.dft import scf
from qptlab.lab.files.orbital_page import orbital_page
from qptlab.lab.views import bundle
from qptlab.library import molecule

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not bundle.BUNDLE.exists(), reason="the 3D front end was not built"),
]
RUN = ROOT / "tests" / "data" / "run_before"


def planted(source: str) -> str:
    """A text that runs a script wherever it becomes markup, and says where it came from."""
    return f"\"'><img src=x onerror=(window.PWNED??=[]).push('{source}')>"


# what is on disk before the workbench looks; a folder's name has no slash
PLANT = f"""
import json, shutil
from pathlib import Path
run, runs = Path({str(RUN)!r}), Path("qptlab-runs")
shutil.copytree(run, runs / {planted("folder")!r})
for name, text in (("damaged", {planted("reason")!r}), ({planted("damaged")!r}, "lda")):
    shutil.copytree(run, runs / name)
    config = json.loads((run / "config.json").read_text())
    config["model"]["theory"]["xc"] = text
    config["model"]["kind"] = [text]
    (runs / name / "config.json").write_text(json.dumps(config))
"""
SHOW = """
from qptlab.lab.workbench import Workbench
bench = Workbench()
bench
"""
SAY = f"""
import qptlab as ql
from qptlab.lab.panels.train import TrainPanel
def fail():
    raise RuntimeError({planted("exception")!r})
panel = TrainPanel(fail)
panel.say({planted("progress")!r})
panel.start()
bench.orbitals.show_molecule({planted("name")!r}, ql.molecule("water"))
bench.orbitals._complain({planted("caption")!r})
panel
"""
MOLECULE = f"""
ql.from_xyz('''1
{planted("comment")}
He 0 0 0
''')
"""
RAN = """() => [window.PWNED ?? null, document.querySelectorAll('img[src="x"]').length]"""


def has_run_nothing(page) -> bool:
    page.wait_for_timeout(300)  # an image that cannot be loaded says so a little later
    return page.evaluate(RAN) == [None, 0]


def test_nothing_that_is_planted_runs_in_the_workbench(jupyterlab, offline_page, artifacts):
    page = offline_page
    notebook = Notebook(page, jupyterlab, "molecules.ipynb")
    cells = [nbformat.v4.new_code_cell(cell) for cell in (PLANT, SHOW, SAY, MOLECULE)]
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    content = nbformat.v4.new_notebook(cells=cells, metadata=metadata)
    notebook.open_copy(json.loads(nbformat.writes(content)), "planted.ipynb")
    notebook.run_all(wait=True)
    assert notebook.errors() == []
    # the exception's sentence, the caption and the title of the 3D view
    for source in ("exception", "caption", "name"):
        page.get_by_text(planted(source)).first.wait_for(timeout=30_000)
    page.get_by_text("He, 1 atoms").first.wait_for(timeout=30_000)
    assert has_run_nothing(page)
    what_is_typed_is_said_as_it_is(page)
    notebook.choose_basis(planted("basis"))
    page.get_by_text("unknown basis").first.wait_for(timeout=30_000)
    assert has_run_nothing(page)
    runs_are_listed_by_their_names(page, notebook)
    page.screenshot(path=artifacts / "planted.png")
    assert notebook.errors() == [] and has_run_nothing(page)


def what_is_typed_is_said_as_it_is(page):
    page.locator(".qptlab-molecule select").first.select_option(label="your own…")
    area = page.locator(".qptlab-drop").first
    said = page.locator(".qptlab-own .qptlab-sentence.error").first  # a repr: quotes are escaped
    for source, text, key in (
        ("smiles", planted("smiles"), "Enter"),
        ("xyz", f"1\n\n{planted('xyz')} 0 0 0\n", "Tab"),
    ):
        area.fill(text)
        area.press(key)
        said.filter(has_text=source).wait_for(timeout=60_000)
        assert "<img src=x onerror=" in said.inner_text()


def runs_are_listed_by_their_names(page, notebook):
    page.get_by_role("tab", name="Runs", exact=True).click()
    row = page.locator(".qptlab-run", has_text="onerror")
    row.first.wait_for(timeout=60_000)
    assert planted("folder") in row.first.inner_text()
    said = page.locator(".qptlab-sentence", has_text="2 cannot be read").first.inner_text()
    assert "push('damaged')" in said.replace("\\", "") and "damaged" in said
    assert has_run_nothing(page)
    notebook.button("Open").first.click()
    page.wait_for_timeout(1000)


def test_nothing_that_is_planted_runs_in_an_exported_page(chromium, tmp_path):
    result = scf(molecule("hydrogen"), "lda/sto-3g")
    message = planted("message") + "</script><script>window.PWNED=[1]</script>"
    object.__setattr__(result, "message", message)
    path = tmp_path / f"{planted('page')}.html"
    orbital_page(result, path, orbitals=["homo"])
    context = chromium.new_context()
    page = context.new_page()
    page.goto(path.as_uri())
    page.wait_for_selector("#stage.ready", timeout=30_000)
    assert page.locator("#message").inner_text() == message
    assert has_run_nothing(page)
    context.close()
