"""`python -m tacit`: the command line, also what torchrun starts."""

import sys

from tacit.cli import main

sys.exit(main())
