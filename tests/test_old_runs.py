"""A run folder that an earlier qptlab wrote is read, predicted with and gone on with."""

import shutil
from pathlib import Path

import pytest

import qptlab as ql

BEFORE = Path(__file__).parent / "data" / "run_before"
"""Six steps of a small BlockQPT on water, lda/sto-3g, with a response, loss `energy@1`."""
ENERGY_HA = -74.73535167151769
"""What it predicted for the library's water after one refining iteration, when it was written."""


def test_an_old_run_predicts_what_it_did():
    prediction = ql.predict(ql.load(BEFORE), ql.molecule("water"), refine=1)
    # float32 inside the network: the last digits are the machine's
    assert float(prediction.energy.total) == pytest.approx(ENERGY_HA, abs=1e-9)


def test_an_old_run_goes_on(tmp_path):
    folder = shutil.copytree(BEFORE, tmp_path / "run")
    run = ql.Training.resume(folder, steps=7)
    assert [log.step for log in run.history] == [1, 2, 3, 4, 5, 6]
    assert [log.step for log in run] == [7]
    assert int(ql.Training.resume(folder).state.step) == 7
