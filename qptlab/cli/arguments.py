"""What the command line accepts."""

import argparse
from dataclasses import fields
from pathlib import Path

from qptlab.bench import Options, registry
from qptlab.errors import printable

DEFAULT_THEORY = "b3lyp5/def2-svp"
DEFAULT_MINUTES = 5.0
GUESSES = ("minao", "atom", "huckel", "vsap")
"""As `qptlab.reference.scf_cost` has them, whose import would delay `--help`."""
GENERAL = "general"
RUN = "run folder, model file or name of a network that ships with qptlab"


class _OneLineParser(argparse.ArgumentParser):
    """Says what was wrong in one line, as every other error does."""

    def error(self, message: str):
        self.exit(2, f"{self.prog}: {printable(message)}; see {self.prog} --help\n")


def parser() -> argparse.ArgumentParser:
    """The parser of every command; its result has `command` and that command's options."""
    top = _OneLineParser(
        prog="qptlab",
        description="The Kohn–Sham energy is a loss function. Without a command: open the lab.",
    )
    top.set_defaults(command="lab", folder=None, browser=True)
    commands = top.add_subparsers(metavar="COMMAND")

    def command(name: str, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(command=name)
        return sub

    lab = command("lab", "open JupyterLab on the workbench notebook")
    lab.add_argument("folder", nargs="?", metavar="DIR", help="folder for the notebooks")
    lab.add_argument("--no-browser", dest="browser", action="store_false", help="print the URL")

    energy = command("energy", "energy, orbital energies and dipole of a molecule")
    _add_geometry(energy)
    _add_theory(energy)
    _add_forces(energy)

    train = command("train", "train a network by backpropagating the energy through DFT")
    _add_geometry(train)
    _add_theory(train)
    _add_training(train)

    predict = command("predict", "predict with a trained network")
    evaluate = command("evaluate", "set a trained network beside PySCF and the baselines")
    for sub in (predict, evaluate):
        sub.add_argument("model", metavar="RUN", help=RUN)
        _add_geometry(sub)
        sub.add_argument("--refine", type=int, default=0, metavar="K", help="refining iterations")
    _add_forces(predict)
    guesses = "PySCF's starting densities to count Fock builds from; all by default"
    evaluate.add_argument("--guesses", nargs="+", choices=GUESSES, default=GUESSES, help=guesses)

    warm = command("warm", "compile beforehand, for molecules that nobody has named yet")
    what = "most atoms of the molecules, neutral closed shells; 12 by default"
    warm.add_argument("--up-to", type=int, default=12, metavar="ATOMS", help=what)
    whose = f"whose elements and theory, and whose predictions; {GENERAL} by default: {RUN}"
    warm.add_argument("--model", default=GENERAL, metavar="RUN", help=whose)
    warm.add_argument("--json", action="store_true", help="print one JSON object on stdout")

    _add_bench(command("bench", "measure beside PySCF and print it beside the goals"))
    return top


def _add_geometry(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "geometry",
        type=str.strip,
        metavar="GEOM",
        help="library name, or a file: .xyz (ångström), .mol, .sdf, .pdb, .gjf",
    )
    sub.add_argument(
        "--charge",
        type=int,
        metavar="N",
        help="by default that of the file, charge= in an .xyz, or 0",
    )
    sub.add_argument(
        "--spin",
        type=int,
        metavar="N",
        help="unpaired electrons, n_α − n_β; by default those of the file (spin= or multiplicity= "
        "in a comment), or of a library molecule's ground state",
    )
    sub.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def _add_theory(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--theory", metavar="XC/BASIS", help=f"{DEFAULT_THEORY} by default")
    sub.add_argument("--grid", type=int, metavar="LEVEL", help="PySCF's, 0 to 9; 1 by default")
    sub.add_argument("--coulomb", metavar="df|exact", help="df by default")


def _add_forces(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--forces", action="store_true", help="also −dE/dR, hartree/bohr")


def _add_training(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--out", required=True, metavar="RUN", help="run folder to write")
    sub.add_argument(
        "--minutes",
        type=float,
        metavar="M",
        help=f"wall time of the whole run ({DEFAULT_MINUTES:g} where no limit is given)",
    )
    sub.add_argument("--steps", type=int, metavar="N", help="weight updates, all sittings together")
    sub.add_argument(
        "--model",
        choices=["block", "paper"],
        help="network: block (default), which turns with the molecule, or the paper's",
    )
    sub.add_argument(
        "--size",
        choices=["tiny", "small", "base", "medium"],
        help="of --model paper: 5, 22, 86 or 305 million weights; tiny by default",
    )
    sub.add_argument(
        "--start", metavar="RUN", help=f"train on from these weights, optimiser afresh: {RUN}"
    )
    sub.add_argument(
        "--sampler",
        choices=["wiggle", "modes", "md", "file"],
        help="wiggle (default): Gaussian noise around GEOM, or around each of its molecules; "
        "modes: its vibrations; md: molecular dynamics; file: the frames of GEOM, by trajectory= "
        "where comments name one",
    )
    sub.add_argument(
        "--validate", metavar="FILE", help=".xyz file of other molecules to validate a wiggle with"
    )
    sub.add_argument("--pool", type=float, metavar="GIB", help="memory for geometries; 2")
    sub.add_argument(
        "--reuse",
        type=int,
        metavar="N",
        help="steps for each geometry, on average; 16. A GPU is quicker than integrals are: 128",
    )
    sub.add_argument("--sigma", type=float, help="width of the wiggle, bohr; 0.05")
    sub.add_argument("--temperature", type=float, metavar="K", help="of modes and md; 300")
    sub.add_argument(
        "--surface", metavar="XC/BASIS", help="whose forces modes and md feel; --theory by default"
    )
    sub.add_argument(
        "--loss",
        metavar="SPEC",
        help="energy (default), delta2, commutator, or sums: 0.5*energy@2+delta2; A -> B over "
        "time; response teaches a trained network (--start) what refining needs; hamiltonian and "
        "coupling are supervised, by PySCF's Fock matrices",
    )
    sub.add_argument(
        "--geometries",
        type=int,
        metavar="N",
        help="how many to train on, used again and again; by default ever new ones",
    )
    sub.add_argument("--lr", type=float, help="learning rate; by default one that suits the model")
    sub.add_argument("--resume", action="store_true", help="continue the run in RUN")
    sub.add_argument("--seed", type=int, help="of weights and geometries; 0 by default")


def _add_bench(sub: argparse.ArgumentParser) -> None:
    about = "; ".join(f"{bench.name}: {bench.about}" for bench in registry.BENCHES)
    sub.add_argument("name", metavar="NAME", help=about)
    for option in fields(Options)[1:]:
        sub.add_argument(f"--{option.name.replace('_', '-')}", **option.metadata)
    draw = f"{registry.drawing()}: where to draw the curves"
    sub.add_argument("--figure", type=Path, metavar="FILE", help=draw)
    sub.add_argument("--json", action="store_true", help="print one JSON object on stdout")
