"""Files for other programs: pure functions from a result or a history to a file.

`exports` writes tables and pictures, `cube` fields on a grid, `orbital_page` a web page with its
three templates beside it.
"""
