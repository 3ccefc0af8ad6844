"""The small widgets of our own, each with its JavaScript in a file beside this one."""

from collections.abc import Callable, Mapping
from pathlib import Path

import anywidget
import traitlets


class PngImage(anywidget.AnyWidget):
    """A PNG that fills the room its layout gives it; the next one comes without a flicker."""

    _esm = Path(__file__).with_name("png_image.js")

    value = traitlets.Bytes(help="a PNG file").tag(sync=True)
    words = traitlets.Unicode(help="what the picture shows").tag(sync=True)


class DropText(anywidget.AnyWidget):
    """A text area for a molecule of one's own, typed, pasted or dropped; `value` is its text."""

    _esm = Path(__file__).with_name("drop_text.js")

    value = traitlets.Unicode("").tag(sync=True)
    placeholder = traitlets.Unicode("").tag(sync=True)
    label = traitlets.Unicode("", help="for screen readers").tag(sync=True)
    disabled = traitlets.Bool(False).tag(sync=True)


class Keys(anywidget.AnyWidget):
    """Calls `actions[key]()` when a key is pressed in the workbench, unless someone is typing."""

    _esm = Path(__file__).with_name("keys.js")

    letters = traitlets.List(help="lower case, one character each").tag(sync=True)

    def __init__(self, actions: Mapping[str, Callable[[], object]]) -> None:
        self._actions = dict(actions)
        super().__init__(letters=list(self._actions))
        self.layout.display = "none"
        self.on_msg(lambda _widget, message, _buffers: self.press(message.get("key", "")))

    def press(self, key: str) -> None:
        """What a key press does; nothing for a key that means nothing."""
        self._actions.get(key, lambda: None)()
