"""The glossary is what the code says."""

from pathlib import Path

import nbformat
import numpy as np

from qptlab.lab.glossary import ENTRIES, examples, markdown

PAGE = Path(__file__).resolve().parents[1] / "notebooks" / "glossary.ipynb"


def test_page_is_up_to_date():
    (cell,) = [c for c in nbformat.read(PAGE, as_version=4).cells if c.cell_type == "code"]
    (output,) = cell.outputs
    assert output.data["text/markdown"] == markdown(), "run notebooks/glossary.ipynb and save it"


def test_every_axis_has_one_length():
    lengths: dict[str, int] = {}
    for entries in ENTRIES.values():
        for entry in entries:
            shape, axes = np.shape(eval(entry.code, examples())), entry.axes.split()
            assert len(shape) == len(axes), entry.code
            for axis, length in zip(axes, shape, strict=True):
                assert lengths.setdefault(axis, length) == length, (entry.code, axis)
                assert not axis.isdigit() or int(axis) == length
