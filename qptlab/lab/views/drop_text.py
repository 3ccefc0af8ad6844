"""A place for a molecule of one's own: typed, pasted or dropped."""

from pathlib import Path

import anywidget
import traitlets


class DropText(anywidget.AnyWidget):
    """A text area that a file can be dropped on; `value` is its text."""

    _esm = Path(__file__).with_name("drop_text.js")

    value = traitlets.Unicode("").tag(sync=True)
    placeholder = traitlets.Unicode("").tag(sync=True)
    label = traitlets.Unicode("", help="for screen readers").tag(sync=True)
    disabled = traitlets.Bool(False).tag(sync=True)
