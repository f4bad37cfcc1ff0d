"""``python -m ci.benchmarks``."""

import sys

from ci.benchmarks.command import main

sys.exit(main(sys.argv[1:]))
