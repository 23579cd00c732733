"""``python -m tinygrad_hw`` does what ``tinygrad-hw`` does."""

import sys

from tinygrad_hw.cli.main import main

sys.exit(main())
