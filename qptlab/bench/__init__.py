"""Measurements that anyone can repeat: `qptlab bench NAME`, each in a process of its own.

A new bench is a file `NAME.py` here and a line in `registry.py`, which says what the file holds.
"""

from qptlab.bench.launch import measure
from qptlab.bench.options import Options, options
from qptlab.bench.registry import BENCHES, Bench

__all__ = ["BENCHES", "Bench", "Options", "measure", "options"]
