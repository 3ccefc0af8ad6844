"""Plots: pure functions from numbers to matplotlib figures (never pyplot).

`axes` and `pixels` first, which the others share, and `training`; then `scf` on the `plane` of a
molecule, `gradients`, and `cost` of the command line. `live_plot` is the widget that shows a figure
and draws it again as often as it can afford.
"""
