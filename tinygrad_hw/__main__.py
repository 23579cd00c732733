"""``python -m tinygrad_hw`` does what ``tinygrad-hw`` does."""

import sys

from tinygrad_hw.cli import main

sys.exit(main())
