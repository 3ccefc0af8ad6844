"""Theory: which functional, basis set, grid and Coulomb integrals a calculation uses."""

from dataclasses import dataclass, replace

from qptlab.errors import InputError, quoted

FUNCTIONALS = {
    "hf": "hf",
    "lda": "slater,vwn5",
    "pw92": "LDA_X,LDA_C_PW_MOD",
    "pbe": "pbe,pbe",
    "pbe0": "pbe0",
    "blyp": "b88,lyp",
    "b3lyp": "HYB_GGA_XC_B3LYP",
    "b3lyp5": "b3lyp5",
    "cam-b3lyp": "HYB_GGA_XC_CAM_B3LYP",
    "r2scan": "MGGA_X_R2SCAN,MGGA_C_R2SCAN",
}
"""{functional: what makes PySCF compute the same}; of a pair, exchange and correlation."""
COULOMB = ("df", "exact")
GRID_LEVELS = range(10)


@dataclass(frozen=True)
class Theory:
    """A level of theory; prints as it is written, for example `b3lyp5/def2-svp`.

    Args:
        xc: functional: hf, lda (Slater + VWN5), pw92 (Slater + PW92), pbe, pbe0, blyp, b3lyp,
            b3lyp5, cam-b3lyp or r2scan. b3lyp is Gaussian's and PySCF's, with VWN's fit of the
            random-phase approximation; b3lyp5, with VWN5, is ORCA's and Turbomole's.
        basis: a name that PySCF's basis library knows.
        grid: PySCF's grid level, 0 (coarse) to 9, with its default pruning.
        coulomb: "df" (density fitting in def2-universal-jkfit) or "exact".

    Raises:
        InputError: an unknown functional, grid level or Coulomb treatment.

    >>> print(Theory("pbe", "def2-svp"))
    pbe/def2-svp
    """

    xc: str
    basis: str
    grid: int = 1
    coulomb: str = "df"

    def __post_init__(self):
        if not isinstance(self.xc, str) or self.xc not in FUNCTIONALS:
            raise InputError(
                f"unknown functional {quoted(self.xc)}; known: {', '.join(FUNCTIONALS)}"
            )
        if not isinstance(self.basis, str) or not self.basis:
            raise InputError("no basis set; write for example pbe/def2-svp")
        if isinstance(self.grid, bool) or self.grid not in GRID_LEVELS:
            raise InputError(f"grid level {quoted(self.grid)}; allowed: 0 (coarse) to 9 (fine)")
        if self.coulomb not in COULOMB:
            raise InputError(f"unknown coulomb {quoted(self.coulomb)}; known: {', '.join(COULOMB)}")

    def __str__(self):
        return f"{self.xc}/{self.basis}"


def parse_theory(spec: "str | Theory", **changes) -> Theory:
    """A `Theory` from "functional/basis", with fields changed by keyword.

    Raises:
        InputError: text of another form, or as `Theory`.

    >>> parse_theory("PBE/def2-SVP", coulomb="exact")
    Theory(xc='pbe', basis='def2-svp', grid=1, coulomb='exact')
    """
    if isinstance(spec, Theory):
        return replace(spec, **changes)
    xc, slash, basis = str(spec).strip().lower().partition("/")
    if not slash or not xc or not basis:
        raise InputError(f"theory {quoted(spec)}; write functional/basis, for example pbe/def2-svp")
    return Theory(xc, basis, **changes)
