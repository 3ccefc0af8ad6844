"""Every command and option as Markdown, from the parser itself.

`python -m qptlab.cli.manual notebooks/docs/command_line.md` writes all below the page's heading
`HEADING` anew; what stands above it is written by hand.
"""

import argparse
import sys
from pathlib import Path

from qptlab.cli.arguments import parser
from qptlab.errors import InputError
from qptlab.files import replace_file

HEADING = "## Every command and option"
NOTE = "Written from the parser by `python -m qptlab.cli.manual notebooks/docs/command_line.md`."


def rewritten(page: str) -> str:
    """The page with its last part written anew.

    Raises:
        InputError: a page without `HEADING`.
    """
    above, heading, _ = page.partition(HEADING)
    if not heading:
        raise InputError(f"the page has no heading {HEADING!r}")
    (commands,) = (a for a in parser()._actions if isinstance(a, argparse._SubParsersAction))
    sections = map(_section, commands.choices.values())
    return above + "\n\n".join([HEADING, NOTE, *sections]) + "\n"


def _section(command: argparse.ArgumentParser) -> str:
    """A heading, how it is called, and a table of what it takes."""
    actions = [a for a in command._actions if not isinstance(a, argparse._HelpAction)]
    actions.sort(key=lambda a: bool(a.option_strings))
    needed = [_name(a) for a in actions if a.required]
    optional = [f"[{_name(a)}]" for a in actions if not (a.required or a.option_strings)]
    called = " ".join([command.prog, *needed, *optional])
    table = ["| argument | meaning |", "|---|---|", *map(_row, actions)]
    name = command.prog.partition(" ")[2]
    return f"### {name}\n\n`{called}`: {command.description}.\n\n" + "\n".join(table)


def _name(action: argparse.Action) -> str:
    """As it is typed, with a word for its value."""
    value = action.metavar or "|".join(map(str, action.choices or [])) or action.dest.upper()
    if not action.option_strings:
        return value
    return action.option_strings[-1] + ("" if action.nargs == 0 else f" {value}")


def _row(action: argparse.Action) -> str:
    name, meaning = (text.replace("|", r"\|") for text in (_name(action), action.help or ""))
    return f"| `{name}` | {meaning} |"


if __name__ == "__main__":
    place = Path(sys.argv[1])
    replace_file(place, rewritten(place.read_text(encoding="utf-8")).encode())
