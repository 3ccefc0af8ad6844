"""What a bench is to reach, and whether it does."""

from qptlab.bench.table import Table, table

WORDS = {True: "met", False: "missed", None: "not measured"}


def goal(what: str, limit: float, value: float | None) -> dict:
    """A goal with what was measured; `met` is None where nothing was."""
    met = None if value is None else value <= limit
    return {"goal": what, "at_most": limit, "measured": value, "met": met}


def goals_table(report: dict) -> Table:
    """The goals in the summary of a report."""
    columns = {
        "goal": "{goal}",
        "at most": "{at_most:g}",
        "measured": lambda goal: "–" if goal["measured"] is None else f"{goal['measured']:.3g}",
        "": lambda goal: WORDS[goal["met"]],
    }
    return table("goals", columns, report["summary"]["goals"])
