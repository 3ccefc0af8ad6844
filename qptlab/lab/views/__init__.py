"""Views: widgets with JavaScript of their own, each beside its `.js`, and what they draw.

`orbital_view` is the 3D view: its `box` of points, its `camera`, and the `bundle` that is built
from `lab/frontend` on installing. `orbital_picture` makes what it draws, with `orbital_names`.
`molecule_view` is the picture of a molecule that ends a cell. The others are `level_view` and
`small_widgets`.
"""
