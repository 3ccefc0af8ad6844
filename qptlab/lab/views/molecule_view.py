"""The picture of a molecule: a cell that ends in one shows it in 3D, without any network."""

import base64
import functools
import gzip

from IPython import InteractiveShell, get_ipython

from qptlab.lab.html import Markup, tag
from qptlab.lab.views.bundle import BUNDLE, not_built_reason
from qptlab.molecule import Molecule, to_xyz

# py3Dmol's page waits for $3Dmolpromise and would otherwise fetch 3Dmol.js from the internet.
_WAIT = """<script>
window.qptlab3Dmol ??= (() => {
  let arrived;
  const ready = new Promise((resolve) => { arrived = resolve; });
  if (window.$3Dmol) arrived();
  return { ready, arrived };
})();
var $3Dmolpromise = window.qptlab3Dmol.ready;
setTimeout(() => {
  const box = document.getElementById("IDENTIFIER");
  if (box && !window.$3Dmol) box.textContent = "Run this cell again to see the molecule in 3D.";
}, 10000);
</script>"""

# One copy of 3Dmol.js serves all molecules of the page.
_BRING = """<script>
if (!window.$3Dmol) {
  const packed = Uint8Array.from(atob("PAYLOAD"), (c) => c.charCodeAt(0));
  new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).blob()
    .then((js) => import(URL.createObjectURL(new Blob([js], { type: "text/javascript" }))))
    .then((bundle) => bundle.load3Dmol())
    .then(window.qptlab3Dmol.arrived);
}
</script>"""

_CAPTION = "font:13px system-ui,sans-serif;opacity:.75;margin-top:2px"


def molecule_html(molecule: Molecule, with_library: bool = True) -> Markup:
    """A piece of a web page that shows a molecule in 3D.

    `with_library`: whether the piece brings 3Dmol.js along (200 kB); one piece per page must.
    """
    words = f"{molecule.formula}, {len(molecule.symbols)} atoms, {molecule.n_electrons} electrons"
    if molecule.charge:
        words += f", charge {molecule.charge:+d}"
    if molecule.spin:
        words += f", {molecule.spin} unpaired"
    caption = tag("div", words, style=_CAPTION)
    if not BUNDLE.exists():
        return caption + tag("pre", not_built_reason())
    import py3Dmol

    from qptlab.lab.views.camera import first_view  # scipy: only when there is something to draw

    view = py3Dmol.view(width=420, height=300, js="data:,")
    view.addModel(to_xyz(molecule), "xyz")
    view.setStyle({"stick": {"radius": 0.11}, "sphere": {"scale": 0.24}})
    view.setView(first_view(molecule.positions_angstrom, room=0.9))
    named = Markup('<div role="img" aria-label="{}" ').format(words)
    page = view.write_html().replace("<div ", named, 1)
    wait = _WAIT.replace("IDENTIFIER", f"3dmolviewer_{view.uniqueid}")
    library = _BRING.replace("PAYLOAD", _packed_library()) if with_library else ""
    return Markup(wait + library + page) + caption


def register_formatters() -> None:
    """From now on the running IPython, if there is one, shows molecules in 3D."""
    shell = get_ipython()
    if shell is None:
        return
    bringer = _Bringer(shell)
    shell.display_formatter.formatters["text/html"].for_type(
        Molecule, lambda molecule: molecule_html(molecule, with_library=bringer.brings_library())
    )


class _Bringer:
    """Decides which cell's output carries 3Dmol.js: the first one's, and that of one run again.

    A saved page then works when it is opened again, and a cell that misses the library (because
    the one that brought it was deleted) gets it by being run again.
    """

    def __init__(self, shell: InteractiveShell):
        self.shell, self.cells = shell, set()

    def brings_library(self) -> bool:
        message = self.shell.get_parent() if hasattr(self.shell, "get_parent") else {}
        cell = (message.get("metadata") or {}).get("cellId")
        if cell is None:
            return True
        brings = not self.cells or cell in self.cells
        self.cells.add(cell)
        return brings


@functools.cache
def _packed_library() -> str:
    return base64.b64encode(gzip.compress(BUNDLE.read_bytes(), mtime=0)).decode()
