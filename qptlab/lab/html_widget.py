"""The widget that shows markup."""

import ipywidgets
import traitlets
from markupsafe import Markup

from qptlab.lab.html import text


class Html(ipywidgets.HTML):
    """A widget that shows markup; text that is put into it is escaped."""

    @traitlets.validate("value")
    def _escaped(self, proposal: dict) -> Markup:
        return text(proposal["value"])
