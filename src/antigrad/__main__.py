"""`python -m antigrad` is `antigrad`."""

import sys

from antigrad.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
