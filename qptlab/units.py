"""Unit conversions: the only place where a conversion factor appears.

Inside qptlab every number is in atomic units (hartree, bohr, electrons). A name that ends in a
unit (`energy_ev`, `positions_angstrom`) says that it is not.

Source: CODATA 2022; a test holds them to `scipy.constants`, which would take a while to import.
"""

_hartree_j, _bohr_m = 4.3597447222060e-18, 5.29177210544e-11
_dipole_c_m, _light_m_per_s, _per_mol = 8.4783536198e-30, 299792458.0, 6.02214076e23
_dalton_kg, _electron_kg, _calorie_j = 1.66053906892e-27, 9.1093837139e-31, 4.184

ANGSTROM_PER_BOHR: float = _bohr_m / 1e-10
EV_PER_HARTREE: float = 27.211386245981
KCAL_PER_MOL_PER_HARTREE: float = _hartree_j * _per_mol / (1000 * _calorie_j)
MICROHARTREE_PER_HARTREE: float = 1e6
MILLIHARTREE_PER_HARTREE: float = 1e3
DEBYE_PER_AU: float = _dipole_c_m * _light_m_per_s * 1e21
HARTREE_PER_KELVIN: float = 3.1668115634564e-06
"""Boltzmann's constant."""
WAVENUMBER_PER_HARTREE: float = 21947463.136314 * 0.01
"""1/cm."""
ELECTRON_MASS_PER_DALTON: float = _dalton_kg / _electron_kg

CHEMICAL_ACCURACY: float = 1 / KCAL_PER_MOL_PER_HARTREE
"""1 kcal/mol in hartree."""
