"""Letters that do what buttons do, wherever the focus is in the workbench."""

from collections.abc import Callable, Mapping
from pathlib import Path

import anywidget
import traitlets


class Keys(anywidget.AnyWidget):
    """Calls `actions[key]()` when a key is pressed in the workbench, unless someone is typing."""

    _esm = Path(__file__).with_name("keys.js")

    letters = traitlets.List(traitlets.Unicode(), help="lower case, one character each").tag(
        sync=True
    )

    def __init__(self, actions: Mapping[str, Callable[[], object]]) -> None:
        self._actions = dict(actions)
        super().__init__(letters=list(self._actions))
        self.layout.display = "none"
        self.on_msg(lambda _widget, message, _buffers: self.press(message.get("key", "")))

    def press(self, key: str) -> None:
        """What a key press does; nothing for a key that means nothing."""
        self._actions.get(key, lambda: None)()
