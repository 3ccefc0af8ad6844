"""A cell that ends in a molecule, in a real JupyterLab."""

import pytest
from lab_driver import Notebook

from qptlab.lab.views import bundle

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not bundle.BUNDLE.exists(), reason="the 3D front end was not built"),
]


def test_cells_that_end_in_a_molecule_show_it_in_3d(jupyterlab, offline_page, artifacts):
    notebook = Notebook(offline_page, jupyterlab, "molecules.ipynb")
    notebook.run_all(wait=True)
    assert notebook.errors() == []
    offline_page.wait_for_function(
        "document.querySelectorAll('.jp-OutputArea canvas').length === 2", timeout=30_000
    )
    for text in ("H2O, 3 atoms, 10 electrons", "C2H6O, 9 atoms, 26 electrons"):
        offline_page.get_by_text(text).wait_for(timeout=5_000)
    offline_page.screenshot(path=artifacts / "molecules-in-jupyterlab.png")
