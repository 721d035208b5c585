"""Write or check the generated pages: ``python -m tools.pages [--check] [NAME ...]``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from tools.command import checkout_root, exit_code, refuse_stale, write_files
from tools.pages import NAMES, pages

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Write, or check with ``--check``; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.pages", description="Write the generated pages of the documentation."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; by default all")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a page is stale")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.names if name not in NAMES]:
        parser.error(f"no page {unknown[0]!r}; there are {', '.join(NAMES)}")
    chosen = options.names or NAMES

    def work() -> None:
        root = checkout_root()
        if options.check:
            files = {path: text for name in chosen for path, text in pages(name, root).items()}
            refuse_stale(root, files, mend="make pages")
            return
        for name in chosen:
            write_files(root, pages(name, root))

    return exit_code(work)


if __name__ == "__main__":
    sys.exit(main())
