"""What a bench measures: rows, which leave the measuring process as JSON by their field names."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Row:
    """What every row has. Names tell units: `_s` wall seconds, `_ha` hartree, `_mb` megabytes."""

    case: str  # a molecule of the library, or a network that ships
    theory: str  # as it prints: "pbe/def2-svp"
    threads: int  # of JAX, of PySCF, and of every BLAS
    compile_s: float  # of tracing, lowering and compiling by JAX

    def progress(self) -> str:
        """A line for whoever waits, or nothing."""
        return ""


@dataclass(frozen=True, kw_only=True)
class Compared(Row):
    """Ours beside something else; medians, where there are rounds."""

    ours_s: float
    peer_s: float
    ratio: float  # ours / peer


@dataclass(frozen=True, kw_only=True)
class Raced(Compared):
    """Two of a race: `Race.compared` gives what is here, but for `operation`, and above."""

    operation: str
    peer: str  # a program, and how it was told to work
    ratio_quartiles: list[float]  # over the rounds
    rounds: int  # the peer's turns
    ours_cores: float  # CPU seconds for each wall second, median
    peer_cores: float

    @property
    def program(self) -> str:
        return self.peer.split()[0]

    def agrees(self) -> bool:
        """Whether ours and the peer computed the same."""
        return True

    def progress(self) -> str:
        times = f"{self.ours_s:.4g} s, {self.peer} {self.peer_s:.4g} s"
        return f"  {self.operation}: ours {times}, ratio {self.ratio:.2f}"
