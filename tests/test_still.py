"""Pictures that stay in the notebook's file: what is displayed below a panel, and when."""

import base64

import pytest
from toy_workbench import Toy
from waiting import wait_until

from qptlab.lab.panels import still as module
from qptlab.lab.panels.still import Still
from qptlab.lab.panels.train import train_panel


@pytest.fixture
def outputs(monkeypatch):
    """What has been displayed and updated, in order."""
    shown = []

    def note(kind):
        return lambda data, **more: shown.append((kind, data, more.get("display_id"), more))

    monkeypatch.setattr(module, "display", note("display"))
    monkeypatch.setattr(module, "update_display", note("update"))
    return shown


def test_nothing_is_sent_before_it_has_a_place(outputs):
    still = Still((72, 42))
    still.keep(b"one", "first")
    assert outputs == []
    still.display()
    still.keep(b"two", "second")
    (_, first, place, more), (kind, second, same, _) = outputs
    assert base64.b64decode(first["image/png"]) == b"one" and first["text/plain"] == "first"
    assert more["metadata"] == {"image/png": {"width": 72, "height": 42}}
    assert (kind, same) == ("update", place) and place is not None
    assert base64.b64decode(second["image/png"]) == b"two"


def test_a_training_leaves_its_plot_when_it_holds(outputs):
    run = Toy(None)
    panel = train_panel(run)
    panel._ipython_display_()
    (widget, blank), nothing = [data for _, data, _, _ in outputs[:2]], outputs[2:]
    assert "application/vnd.jupyter.widget-view+json" in widget
    assert blank == {"text/plain": ""} and nothing == []
    panel.start()
    wait_until(lambda: len(run.history) > 5)
    assert len(outputs) == 2, "the file need not follow every step"
    panel.runner.stop()
    wait_until(lambda: len(outputs) == 3)
    kind, data, place, _ = outputs[2]
    assert (kind, place) == ("update", outputs[1][2])
    assert base64.b64decode(data["image/png"]) == panel.plot.image.value
