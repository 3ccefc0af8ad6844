"""HTML by construction: what is not markup already is escaped, wherever it comes from.

A folder's name, a SMILES, an exception or a model's description may hold any text. Nothing else in
the package writes a tag, and `html_widget` alone shows one, see `tests/test_html.py`.
"""

from collections.abc import Iterable

from markupsafe import Markup, escape

ATTRIBUTES = frozenset({"alt", "class", "src", "style", "title"})
"""Those that `tag` writes: none that holds a script or an address to go to."""
PNG = "data:image/png;base64,"
VOID = frozenset({"img"})


def text(words: object) -> Markup:
    """Words as HTML; markup stays as it is. Characters that a line cannot show, and those that
    turn the direction of writing, are spelled out.

    >>> print(text("<b> \\u202e"), text(Markup("<b>")))
    &lt;b&gt; \\u202e <b>
    """
    if isinstance(words, Markup):
        return words
    shown = str(words)
    return escape("".join(c if c.isprintable() or c.isspace() else repr(c)[1:-1] for c in shown))


def tag(name: str, *children: object, **attributes: object) -> Markup:
    """An element with children and attributes, as `text` gives them; `class_` is class.

    Raises:
        ValueError: an attribute that is not one of `ATTRIBUTES`, or a picture that is not within
            the page.

    >>> print(tag("b", "<i>", tag("i", 2), class_="x", title='"'))
    <b class="x" title="&#34;">&lt;i&gt;<i>2</i></b>
    """
    named = {key.rstrip("_"): value for key, value in attributes.items()}
    if not named.keys() <= ATTRIBUTES or not str(named.get("src", PNG)).startswith(PNG):
        raise ValueError(f"<{name}> may have {sorted(ATTRIBUTES)} and a PNG; got {sorted(named)}")
    inside = Markup("").join(Markup(' {}="{}"').format(key, text(v)) for key, v in named.items())
    end = Markup("") if name in VOID else Markup("</{}>").format(name)
    return Markup("<{}{}>").format(name, inside) + joined(children) + end


def joined(children: Iterable[object]) -> Markup:
    """Several of them, one after the other."""
    return Markup("").join(map(text, children))
