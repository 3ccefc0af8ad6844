"""Measurements that anyone can repeat: `qptlab bench NAME`, each in a process of its own."""

from qptlab.bench.launch import measure
from qptlab.bench.options import BENCHES, Options, options

__all__ = ["BENCHES", "Options", "measure", "options"]
