"""Reading Markdown: what README and the pages of notebooks/docs say, for their tests."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted((ROOT / "notebooks/docs").glob("*.md"))


def links(text: str) -> list[str]:
    """Links to files, without those to the network."""
    return re.findall(r"\]\((?!https?:)([^)#]+)\)", text)


def inline_code(text: str) -> list[str]:
    """What stands in single backticks, in one line each; tables write | as \\|."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    return [" ".join(code.replace(r"\|", "|").split()) for code in re.findall(r"`([^`]+)`", prose)]


def code_blocks(text: str, language: str) -> list[str]:
    """What stands between fences of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


def sections(text: str) -> dict[str, str]:
    """What stands under each heading of the second level."""
    parts = re.split(r"^## (.*)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def table_cells(text: str) -> dict[tuple[str, str], str]:
    """{(first cell of the row, head of the column): cell}, of all tables; the first one counts."""
    cells: dict[tuple[str, str], str] = {}
    for table in re.findall(r"(?:^\|.*\|\n)+", text, flags=re.MULTILINE):
        head, _, *rows = (line.strip("|").split("|") for line in table.strip().split("\n"))
        for name, *values in rows:
            for column, value in zip(head[1:], values, strict=True):
                cells.setdefault((name.strip(), column.strip()), value.strip())
    return cells


def numbers_hidden(text: str) -> str:
    """The text with every number replaced, so that only the words are compared."""
    return " ".join(re.sub(r"-?\d+(\.\d+)?(e[-+]\d+)?", "#", text).split())
