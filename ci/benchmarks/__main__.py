"""``python -m ci.benchmarks``: the program behind ``ci/bench``."""

import sys

from ci.benchmarks.command import main

sys.exit(main(sys.argv[1:]))
