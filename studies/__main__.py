"""`python -m studies NAME [--quick]`: run a study, keep its figures beside it, write its page from them."""

from __future__ import annotations

import argparse
import os
from importlib import import_module
from pathlib import Path

import torch

STUDIES = sorted(path.parent.name for path in Path(__file__).parent.glob("*/study.py"))


def main() -> None:
    """Run one study, or all."""
    parser = argparse.ArgumentParser(prog="python -m studies", description=__doc__)
    parser.add_argument("name", choices=[*STUDIES, "all"])
    parser.add_argument("--quick", action="store_true", help="small sizes; nothing is kept and no page written")
    parser.add_argument("--page", action="store_true", help="only write the page again, from the figures that are kept")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="torch threads")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    for name in STUDIES if given.name == "all" else [given.name]:
        if not given.page:
            import_module(f"studies.{name}.study").run(given.quick, not given.quick)
        if not given.quick:
            import_module(f"studies.{name}.page").main()


if __name__ == "__main__":
    main()
