"""A picture that stays in the notebook's file, for readers without a kernel."""

import base64
from collections.abc import Iterable
from uuid import uuid4

from IPython.display import display, update_display
from ipywidgets import Widget


class Still:
    """An output below a panel's, as wide and high as `size_px`; empty until there is a picture."""

    def __init__(self, size_px: tuple[int, int]) -> None:
        self._id, self._size = uuid4().hex, size_px
        self._kept: tuple[dict[str, str], dict[str, dict[str, int]]] = ({"text/plain": ""}, {})
        self._displayed = False

    def display(self) -> None:
        """Take a place below what the cell has shown so far."""
        data, metadata = self._kept
        display(data, raw=True, metadata=metadata, display_id=self._id)
        self._displayed = True

    def keep(self, picture: bytes, words: str) -> None:
        """This PNG from now on; `words` where pictures are not shown."""
        width, height = self._size
        data = {"image/png": base64.b64encode(picture).decode(), "text/plain": words}
        self._kept = data, {"image/png": {"width": width, "height": height}}
        if self._displayed:
            update_display(data, raw=True, metadata=self._kept[1], display_id=self._id)


def display_with_stills(panel: Widget, stills: Iterable[Still]) -> None:
    """Show a panel, and below it the stills that take its place where there is no kernel."""
    display(panel._repr_mimebundle_(), raw=True)
    for still in stills:
        still.display()
