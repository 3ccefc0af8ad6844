"""Where the built JavaScript of the 3D views lies, and what to say where it was not built."""

import json
from pathlib import Path

STATIC = Path(__file__).parents[1] / "static"
BUNDLE = STATIC / "orbital_view.js"

_STAND_IN = """
export default {{ render({{ el }}) {{
  const box = document.createElement("div");
  box.className = "qptlab-not-built";
  box.style = "border:1px solid #b7791f;border-radius:6px;background:#fffaf0;color:#1f2933;" +
    "padding:12px;min-height:60px;white-space:pre-wrap;font:14px/1.4 sans-serif";
  box.textContent = {text};
  el.append(box);
  return () => box.remove();
}} }};
"""


def front_end() -> str:
    """The JavaScript of the 3D view, or a stand-in that says why there is none."""
    if BUNDLE.exists():
        return BUNDLE.read_text(encoding="utf-8")
    return _STAND_IN.format(text=json.dumps(not_built_reason()))


def not_built_reason() -> str:
    """What a user reads where the 3D view would be, and what to do about it."""
    note = STATIC / "not-built.txt"
    why = note.read_text(encoding="utf-8") if note.exists() else "qptlab was not installed by pip"
    return (
        "The 3D view is missing: its JavaScript could not be built when qptlab was installed.\n"
        "Connect to the network, install qptlab again (in its folder: pip install -e .) and "
        f"restart the kernel.\nReason: {why}"
    )
