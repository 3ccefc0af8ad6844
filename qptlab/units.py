"""Unit conversions: the only place where a conversion factor appears.

Inside qptlab every number is in atomic units (hartree, bohr, electrons). A name that ends in a
unit (`energy_ev`, `positions_angstrom`) says that it is not.

Source: CODATA, through `scipy.constants`.
"""

from scipy import constants as _si

_hartree = _si.physical_constants["Hartree energy"][0]
_bohr = _si.physical_constants["Bohr radius"][0]

ANGSTROM_PER_BOHR: float = _bohr / _si.angstrom
EV_PER_HARTREE: float = _si.physical_constants["Hartree energy in eV"][0]
KCAL_PER_MOL_PER_HARTREE: float = _hartree * _si.N_A / (1000 * _si.calorie)
MICROHARTREE_PER_HARTREE: float = 1e6
MILLIHARTREE_PER_HARTREE: float = 1e3
DEBYE_PER_AU: float = (
    _si.physical_constants["atomic unit of electric dipole mom."][0] * _si.c * 1e21
)
HARTREE_PER_KELVIN: float = _si.physical_constants["kelvin-hartree relationship"][0]
"""Boltzmann's constant."""
WAVENUMBER_PER_HARTREE: float = (
    _si.physical_constants["hartree-inverse meter relationship"][0] * _si.centi
)
"""1/cm."""
ELECTRON_MASS_PER_DALTON: float = _si.atomic_mass / _si.m_e

CHEMICAL_ACCURACY: float = 1 / KCAL_PER_MOL_PER_HARTREE
"""1 kcal/mol in hartree."""
