"""A PNG in a notebook that can be exchanged, with words for those who do not see it."""

from pathlib import Path

import anywidget
import traitlets


class PngImage(anywidget.AnyWidget):
    """Fills the room that its layout gives it; the next picture comes without a flicker."""

    _esm = Path(__file__).with_name("png_image.js")

    value = traitlets.Bytes(help="a PNG file").tag(sync=True)
    words = traitlets.Unicode(help="what the picture shows").tag(sync=True)
