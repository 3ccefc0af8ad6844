"""Panels: what is pressed, chosen and watched while a training computes in the background.

Read `runner`, the thread that computes, `refresher`, the one that sets widgets, `signals`, and
`base`, which all panels share. Then `train`, the panel of a training, and `describe`, its words.
`choices` (with `molecule_input` and `setup`) is what a training is made from. `scf`, `gradients`,
`orbitals` with its `orbital_feed`, `runs` and `export` are pages of their own, `scf_controls` and
`gradient_controls` their rows of widgets. `snapshots` keeps networks of steps gone by, `still` a
picture for readers without a kernel.
"""
