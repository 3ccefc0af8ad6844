"""SCF paths of one molecule from PySCF's guess and from a network, each computed when asked for."""

from functools import cached_property

import numpy as np

from qptlab.dft.integrals import Integrals, integrals
from qptlab.dft.ladder import rung
from qptlab.dft.scf import MAX_BUILDS
from qptlab.dft.scf_path import ITERATIONS, ScfPath, scf_path
from qptlab.errors import InputError, NotConverged
from qptlab.molecule import Molecule
from qptlab.qpt.networks.base import Network
from qptlab.qpt.predict import predict
from qptlab.qpt.prepared import first_build
from qptlab.theory import Theory, parse_theory

MINAO, NETWORK = "minao", "network"
ENDLESS = ("mixing", "plain")
"""Schemes that are stopped after a few iterations: they take very many, or never converge."""


class ScfStarts:
    """Paths to the self-consistent density of one molecule; nothing is computed twice.

    Args:
        model: a network to start from, or None.

    Attributes:
        no_network: why there is no path from the network, in one sentence; empty where there is.
        doing: what is being computed, for a status line.
    """

    def __init__(
        self, molecule: Molecule, theory: str | Theory, model: Network | None = None
    ) -> None:
        self.molecule, self.theory, self.model = molecule, parse_theory(theory), model
        self.no_network = _why_not(molecule, self.theory, model)
        self.doing = ""
        self._paths: dict[tuple[str, str], ScfPath] = {}
        self._reference: ScfPath | None = None

    @property
    def about(self) -> tuple[Molecule, Theory, int | None]:
        """What the paths depend on, the network by its identity."""
        return self.molecule, self.theory, None if self.model is None else id(self.model)

    def known(self, start: str, scheme: str) -> ScfPath | None:
        """A path that has been computed already, once `reference` has been too; else None."""
        return self._paths.get((start, scheme)) if self._reference is not None else None

    def path(self, start: str, scheme: str) -> ScfPath:
        """The path from `MINAO` or `NETWORK` by one of `SCHEMES`; to its end unless `ENDLESS`.

        Raises:
            InputError: as `scf_path` and `integrals`, or no network to start from.
        """
        if (start, scheme) not in self._paths:
            before, dm0 = (1, self._network_dm) if start == NETWORK else (0, None)
            most = ITERATIONS if scheme in ENDLESS else MAX_BUILDS
            ints = self._integrals
            self.doing = f"SCF from {start}"
            self._paths[start, scheme] = scf_path(ints, dm0, scheme, most - before, before=before)
        return self._paths[start, scheme]

    def reference(self) -> ScfPath:
        """A path whose last density is self-consistent: DIIS from minao, or with screening.

        Raises:
            NotConverged: neither converges, or as `path`.
        """
        if self._reference is None:
            ways = (self.path(MINAO, scheme) for scheme in ("diis", "screened"))
            self._reference = next((path for path in ways if path.converged), None)
        if self._reference is None:
            raise NotConverged(
                f"{self.molecule.formula}, {self.theory}: no scheme converges within {MAX_BUILDS} "
                "Fock builds, so there is no density to compare with; check the geometry and charge"
            )
        return self._reference

    @cached_property
    def _integrals(self) -> Integrals:
        self.doing = "integrals"
        return integrals(self.molecule, self.theory, fit=rung)

    @cached_property
    def _network_dm(self) -> np.ndarray:
        """The network's density, (ao, ao), after the one Fock build that it takes."""
        if self.no_network:
            raise InputError(self.no_network)
        ints = self._integrals
        self.doing = "asking the network"
        return predict(self.model, self.molecule, prepared=first_build(ints)).dm


def _why_not(molecule: Molecule, theory: Theory, model: Network | None) -> str:
    if model is None:
        return "there is no network yet: train or load one"
    if model.theory != theory:
        same_name = str(model.theory) == str(theory)
        mine, theirs = (repr(t) if same_name else str(t) for t in (theory, model.theory))
        return f"the network is for {theirs}, not for {mine}"
    try:
        model.check(molecule)
    except ValueError as error:
        return str(error)
    return ""
