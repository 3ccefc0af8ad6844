"""The workbench as a user meets it: real JupyterLab, browser and training, no network."""

import time

import numpy as np
import pytest
from lab_driver import Notebook

pytestmark = pytest.mark.browser


@pytest.fixture
def notebook(jupyterlab, offline_page, artifacts):
    """workbench.ipynb, all cells run; `shot(name)` keeps a screenshot."""
    notebook = Notebook(offline_page, jupyterlab, "workbench.ipynb")
    notebook.run_all(wait=True)
    assert notebook.errors() == []
    notebook.page.locator(".qptlab").first.evaluate("panel => panel.scrollIntoView()")
    notebook.shot = lambda name: offline_page.screenshot(path=artifacts / f"workbench-{name}.png")
    yield notebook
    notebook.shot("last")


def test_train_pause_resume_stop_and_look_at_the_orbitals(notebook):
    assert "ready" in notebook.status()
    box = notebook.panel_box()
    notebook.shot("1-ready")
    wrong_input_is_one_sentence(notebook)
    start_shows_that_it_compiles(notebook)
    the_plot_is_alive(notebook)
    pause_holds_and_draws_the_orbitals(notebook)
    resume_goes_on_with_another_learning_rate(notebook)
    the_slider_turns_through_the_orbitals(notebook)
    assert notebook.panel_box() == box, "nothing may jump"
    assert notebook.errors() == []


def wrong_input_is_one_sentence(notebook):
    notebook.choose_basis("def3-svp")
    notebook.press("Start")
    sentence = notebook.wait_for_status("def3-svp")
    assert "\n" not in sentence and "Traceback" not in sentence
    notebook.shot("2-unknown-basis")
    notebook.choose_basis("def2-svp")


def start_shows_that_it_compiles(notebook):
    notebook.press("Start")
    notebook.wait_for_status("compiling", seconds=120)
    shown = {notebook.status()}
    notebook.shot("3-compiling")
    for _ in range(4):  # it counts anew for each program, so any one number may come twice
        time.sleep(0.55)
        shown.add(notebook.status())
    assert len(shown) > 1, "the clock in the status line must tick"
    assert (
        notebook.page.locator(".qptlab-dot.busy").evaluate(
            "dot => getComputedStyle(dot).animationName"
        )
        != "none"
    )


def the_plot_is_alive(notebook):
    notebook.wait_for_step(1, seconds=240)
    hashes = set()
    for _ in range(20):
        time.sleep(0.5)
        hashes.add(notebook.plot_hash())
        if len(hashes) >= 3:
            break
    assert len(hashes) >= 3, "the live plot must change while training"
    notebook.wait_for_step(30, seconds=120)
    notebook.shot("4-training")


def pause_holds_and_draws_the_orbitals(notebook):
    before = notebook.redraws()
    notebook.press("Pause")
    notebook.wait_for_status("drawing", "PySCF", "paused", seconds=20)
    held = notebook.step()
    notebook.wait_for_redraw(before, seconds=120)
    notebook.wait_for_status("paused", seconds=120)
    assert notebook.step() == held, "no step may be taken while paused"
    notebook.page.locator(".qptlab-caption").filter(has_text="water after step").wait_for(
        timeout=10_000
    )
    notebook.shot("5-paused")


def resume_goes_on_with_another_learning_rate(notebook):
    held = notebook.step()
    assert notebook.tile("learning rate") == "0.0063"
    notebook.press("Resume")
    notebook.wait_for_step(held + 5)
    notebook.type_learning_rate("5e-4")
    notebook.page.locator(".qptlab-tile b", has_text="0.0005").wait_for(timeout=20_000)
    notebook.shot("6-slower")
    notebook.press("Stop")
    notebook.wait_for_status("stopped", seconds=120)
    assert notebook.button("Start").is_enabled() and notebook.button("Pause").is_disabled()


def the_slider_turns_through_the_orbitals(notebook):
    for name in ("7-homo", "8-lumo"):
        time.sleep(0.5)
        pixels, drawn = notebook.orbital_pixels(), notebook.redraws()
        notebook.shot(name)
        assert pixels.std() > 5, "the view is blank"
        notebook.next_orbital()
        notebook.wait_for_redraw(drawn, seconds=20)
        time.sleep(0.5)
        changed = np.abs(notebook.orbital_pixels() - pixels).max(axis=2) > 30
        assert changed.mean() > 0.005, "another orbital must look different"
    drawn = notebook.redraws()
    notebook.page.get_by_role("button", name="difference").click()
    notebook.wait_for_redraw(drawn, seconds=20)
    time.sleep(0.5)
    notebook.shot("9-difference")
