"""Tables as data: whoever prints them knows no bench."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

Cell = str | Callable[[dict], str]
"""How a row of a report is written: a template of its fields, or a function."""


@dataclass(frozen=True)
class Table:
    """What was measured, in words.

    Attributes:
        header: of the columns. lines: as many words each.
        caption: below the table.
        text_columns: how many from the left hold words; numbers stand to the right.
        no_wrap: the first column is never folded.
        markdown: where there is no terminal, print Markdown, to be pasted into a page.
    """

    title: str
    header: Sequence[str]
    lines: Sequence[Sequence[str]]
    caption: str | None = None
    text_columns: int = 1
    no_wrap: bool = False
    markdown: bool = False


def table(title: str, columns: Mapping[str, Cell], rows: Iterable[dict], **more) -> Table:
    """A line for each row.

    Args:
        columns: {heading: cell}.
        more: of `Table`.
    """
    lines = [[_written(cell, row) for cell in columns.values()] for row in rows]
    return Table(title, list(columns), lines, **more)


def _written(cell: Cell, row: dict) -> str:
    return cell.format(**row) if isinstance(cell, str) else cell(row)


def functional(row: dict) -> str:
    """The theory of a row without its basis set."""
    return row["theory"].partition("/")[0]


def race_table(title: str, extra: Mapping[str, Cell], rows: Iterable[dict]) -> Table:
    """Rows that are `Raced`, with columns of their own at the end."""
    columns: dict[str, Cell] = {
        "case": "{case}",
        "theory": functional,
        "ours": "{ours_s:.4g}",
        "peer": "{peer_s:.4g} {peer}",
        "ratio": "{ratio:.2f} ({ratio_quartiles[0]:.2f}–{ratio_quartiles[1]:.2f})",
        "compile": "{compile_s:.1f}",
    }
    caption = "median seconds; ratio = ours / peer, quartiles by round"
    return table(title, {**columns, **extra}, rows, caption=caption, text_columns=2)
