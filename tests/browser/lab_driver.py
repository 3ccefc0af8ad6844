"""What a hand and an eye do in JupyterLab: open, run, press, read. No assertion lives here."""

import hashlib
import io

import numpy as np
from PIL import Image

KERNEL_IDLE = """() => window.jupyterapp?.shell?.currentWidget
  ?.sessionContext?.session?.kernel?.status === 'idle'"""
# the command is not awaited: it settles when all cells have, and page.evaluate has no timeout
RUN_ALL = "() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }"
CELLS_DONE = """() => { const cells = window.jupyterapp.shell.currentWidget.content.widgets
    .filter(cell => cell.model.type === 'code');
  const failed = cell => cell.model.outputs.toJSON().some(out => out.output_type === 'error');
  return cells.every(cell => cell.model.executionCount > 0) || cells.some(failed); }"""
COUNTS = """() => window.jupyterapp.shell.currentWidget.content.widgets
    .filter(cell => cell.model.type === 'code').map(cell => cell.model.executionCount)"""
ERRORS = """() => window.jupyterapp.shell.currentWidget.content.widgets
  .filter(cell => cell.model.type === 'code').flatMap(cell => cell.model.outputs.toJSON())
  .filter(output => output.output_type === 'error' || output.name === 'stderr')
  .map(output => output.evalue || output.text)"""
IMAGE_BYTES = (
    """async image => Array.from(new Uint8Array(await (await fetch(image.src)).arrayBuffer()))"""
)

CONTENT = """() => window.jupyterapp.serviceManager.contents
  .get(window.jupyterapp.shell.currentWidget.context.path)"""
SAVE_AS = """([name, content]) => window.jupyterapp.serviceManager.contents
  .save(name, { type: 'notebook', format: 'json', content })"""
ACKNOWLEDGED = """async ([text, words]) => {
  const button = [...document.querySelectorAll('.qptlab-left button')]
    .find(button => button.innerText.trim() === text);
  const said = () => document.querySelector('.qptlab-left .qptlab-status').innerText;
  const begin = performance.now();
  button.click();
  while (!words.some(word => said().includes(word)) && performance.now() - begin < 20000)
    await new Promise(done => setTimeout(done, 4));
  return performance.now() - begin;
}"""


class Notebook:
    """A notebook open in a real JupyterLab, with the workbench's controls by their texts."""

    def __init__(self, page, base_url, name):
        self.page, self.base_url = page, base_url
        page.goto(f"{base_url}/doc/tree/{name}")
        page.wait_for_function(KERNEL_IDLE, timeout=60_000)

    def run_all(self, wait=False):
        """Run every cell; `wait` until the last one has been run."""
        self.page.evaluate(RUN_ALL)
        if wait:
            self.wait_until_run()

    def run_again(self, seconds=120):
        """Run every cell of a notebook that has been run, and wait for the last one."""
        before = max(self.page.evaluate(COUNTS))
        self.run_all()
        self.page.wait_for_function(
            f"before => ({COUNTS})().every(count => count > before)",
            arg=before,
            timeout=1000 * seconds,
        )
        self.page.wait_for_function(KERNEL_IDLE, timeout=1000 * seconds)

    def wait_until_run(self, seconds=120):
        """Wait until every code cell has an execution count (or one failed), then for idle."""
        self.page.wait_for_function(CELLS_DONE, timeout=1000 * seconds)
        self.page.wait_for_function(KERNEL_IDLE, timeout=1000 * seconds)

    def errors(self):
        """Texts of all errors and of everything on stderr in the notebook's outputs."""
        return self.page.evaluate(ERRORS)

    def saved(self):
        """The notebook as it is on disk once it has been saved."""
        self.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
        return self.page.evaluate(CONTENT)["content"]

    def open_copy(self, content, name):
        """Open these contents as another notebook, whose kernel knows nothing of the first's."""
        self.page.evaluate(SAVE_AS, [name, content])
        self.page.goto(f"{self.base_url}/doc/tree/{name}")
        self.page.wait_for_function(KERNEL_IDLE, timeout=60_000)

    def button(self, text):
        """The widget button with exactly this text."""
        return self.page.locator(
            f"xpath=//button[contains(@class,'widget-button')][normalize-space()='{text}']"
        )

    def press(self, text, seconds=30):
        """Click a button as soon as it can be pressed."""
        self.button(text).click(timeout=1000 * seconds)

    def status(self):
        """The sentence in the status line."""
        return self.page.locator(".qptlab-left .qptlab-status").inner_text()

    def wait_for_status(self, *words, seconds=60):
        """Wait until the status line contains one of these words; the words it then shows."""
        self.page.wait_for_function(
            """words => { const panel = document.querySelector('.qptlab-left .qptlab-status');
                          const line = panel?.innerText ?? '';
                          return words.some(word => line.includes(word)); }""",
            arg=list(words),
            timeout=1000 * seconds,
        )
        return self.status()

    def acknowledged_ms(self, text, *words):
        """Milliseconds from a click on a button to a status line with one of these words."""
        return self.page.evaluate(ACKNOWLEDGED, [text, list(words)])

    def tile(self, name):
        """The big number in the tile of this name."""
        return (
            self.page.locator(".qptlab-tile", has=self.page.locator(f"span:text-is('{name}')"))
            .locator("b")
            .inner_text()
        )

    def step(self):
        """The number of training steps shown."""
        text = self.tile("step")
        return int("".join(filter(str.isdigit, text)) or 0)

    def wait_for_step(self, step, seconds=60):
        """Wait until at least this many steps are shown."""
        self.page.wait_for_function(
            """step => { const b = document.querySelector('.qptlab-tile b');
                         return b && Number(b.innerText.replace(/\\D/g, '')) >= step; }""",
            arg=step,
            timeout=1000 * seconds,
        )

    def plot_hash(self):
        """A digest of the bytes of the live plot's image."""
        data = self.page.locator(".qptlab-left .qptlab-plot img").evaluate(IMAGE_BYTES)
        return hashlib.sha256(bytes(data)).hexdigest()

    def redraws(self):
        """How many times the orbital view has finished drawing."""
        return int(self.page.locator("[data-redraws]").first.get_attribute("data-redraws") or 0)

    def wait_for_redraw(self, after, seconds=60):
        """Wait until the orbital view has drawn again since it had drawn `after` times."""
        self.page.wait_for_function(
            "n => Number(document.querySelector('[data-redraws]')?.dataset.redraws || 0) > n",
            arg=after,
            timeout=1000 * seconds,
        )

    def orbital_pixels(self):
        """The orbital view as an array (row, column, rgb)."""
        png = self.page.locator("[data-redraws]").first.screenshot()
        return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)

    def panel_box(self):
        """Place and size of the whole panel on the page."""
        return self.page.locator(".qptlab").first.bounding_box()

    def choose_basis(self, name):
        """Type a basis set into its field."""
        field = self.page.locator(".qptlab-basis input")
        field.fill(name)
        field.press("Tab")

    def type_learning_rate(self, text):
        """Type a number into the learning-rate slider's readout."""
        readout = self._slider("learning rate").locator(".widget-readout")
        readout.click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)
        self.page.keyboard.press("Enter")

    def next_orbital(self, times=1):
        """Move the orbital slider to the right with the keyboard."""
        handle = self._slider("orbital").locator(".noUi-handle")
        for _ in range(times):
            handle.press("ArrowRight")

    def _slider(self, label):
        return self.page.locator(
            f"xpath=//div[contains(@class,'widget-inline-hbox')][label[normalize-space()='{label}']]"
        )
