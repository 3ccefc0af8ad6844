"""`python -m qptlab`: the same as the `qptlab` command."""

import sys

from qptlab.cli import main

sys.exit(main())
