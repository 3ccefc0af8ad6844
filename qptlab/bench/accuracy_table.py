"""The bench `accuracy` as one table: a column for each network that ships, goals in brackets."""

from collections.abc import Iterator

from qptlab.bench.table import Table
from qptlab.units import MICROHARTREE_PER_HARTREE

TITLE = (
    "Mean absolute errors against PySCF, of frozen test geometries in random orientations; "
    "in brackets the goal."
)
WORDS = {True: "", False: ", missed", None: ""}


def tables(report: dict) -> Iterator[Table | str]:
    """Quantities down and networks across, to be pasted; then what trained each network."""
    columns = []
    for row in report["rows"]:
        judged = {g["goal"]: g for g in report["summary"]["goals"] if g["case"] == row["case"]}
        columns.append(_test(row) | _measured(row["figures"], judged) | _training(row))
    header = ["", *(row["case"] for row in report["rows"])]
    lines = [[label, *(column[label] for column in columns)] for label in columns[0]]
    yield Table(TITLE, header, lines, markdown=True)
    for row in report["rows"]:
        yield f"- {row['case']}: {_told(row['about'], 'command', '`{}`')}"


def _micro(value_ha: float) -> str:
    """Three digits, without a power of ten where the number is large."""
    return f"{float(f'{value_ha * MICROHARTREE_PER_HARTREE:.3g}'):,.9g}"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _nines(share: float) -> str:
    return f"{100 * share:.5f} %"


_count, _whole = "{:.1f}".format, "{:.0f}".format
FIGURES = {
    "energy, no refining / µHa": (_micro, "energy_0"),
    "energy, 3 refining / µHa": (_micro, "energy_3"),
    "Fock matrix F[D], 3 refining / µHa": (_micro, "fock_3"),
    "orbital energies, 3 refining / µHa": (_micro, "mo_energy_3"),
    "ΔE₂, its estimate, 0 / 3 refining / µHa": (_micro, "delta2_0", "delta2_3"),
    "energy without a network, 0 / 3 refining / µHa": (_micro, "plain_0", "plain_3"),
    "energy of DIIS from minao, as many Fock builds / µHa": (_micro, "diis_0", "diis_3"),
    "share of DIIS's error, 0 / 3 refining": (_percent, "share_of_diis_0", "share_of_diis_3"),
    "median energy error, 0 / 3 refining / µHa": (_micro, "median_0", "median_3"),
    "its share of DIIS's median": (_percent, "median_share_of_diis_0", "median_share_of_diis_3"),
    "geometries where DIIS is better, 0 / 3 refining": (
        _whole,
        "worse_than_diis_0",
        "worse_than_diis_3",
    ),
    "ψ similarity, 0 / 3 refining": (_nines, "psi_similarity_0", "psi_similarity_3"),
    "wrong occupations, 0 / 3 refining": (_percent, "wrong_occupation_0", "wrong_occupation_3"),
    "PySCF to 1e-9 Ha from minao, Fock builds": (_count, "builds_minao"),
    "from 0 / 1 / 2 / 3 refining, theirs counted": (
        _count,
        *(f"builds_{refine}" for refine in range(4)),
    ),
    "the fewest, as a share of minao's": (_percent, "share_of_minao"),
}
"""{what is shown: (how a figure is written, which figures)}."""


def _test(row: dict) -> dict[str, str]:
    return {
        "theory": row["theory"],
        "test geometries, of trajectories": f"{row['geometries']}, {row['trajectories']}",
        "temperature / K": ", ".join(f"{kelvin:g}" for kelvin in row["temperature_k"]),
    }


def _measured(figures: dict[str, float], judged: dict[str, dict]) -> dict[str, str]:
    cells = {}
    for label, (write, *names) in FIGURES.items():
        words = []
        for name in names:
            word, goal = write(figures[name]), judged.get(name)
            if goal is not None:
                word += f" ({write(goal['at_most'])}{WORDS[goal['met']]})"
            words.append(word)
        cells[label] = " / ".join(words)
    return cells


def _training(row: dict) -> dict[str, str]:
    about, goal = row["about"], row["training_goal"]
    seconds = _told(about, "seconds", "{} s")
    return {
        "weights": f"{row['parameters']:,}",
        "training time": seconds if goal is None else f"{seconds} ({goal})",
        "trained on": _told(about, "machine"),
        "seed": _told(about, "seed"),
    }


def _told(about: dict, name: str, form: str = "{}") -> str:
    """What is known of how a network was trained, or a dash."""
    return form.format(about[name]) if name in about else "–"
