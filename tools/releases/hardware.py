"""Sample the hardware posterior and write the shipped trace, or score a hindcast.

``python -m tools.releases.hardware`` samples it; ``--hindcast YEAR`` fits what is older and scores the rest.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path

from scaling_bayes.diagnostics.checks import checks, failed_checks
from scaling_bayes.model.hardware import fit_hardware
from scaling_bayes.trace.io import check_writable, save_trace
from scaling_bayes.trace.releases import HARDWARE_RELEASE
from tools.command import checkout_root, exit_code, write_files
from tools.releases.hindcast import score

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Sample and write the shipped trace, or score a hindcast; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.releases.hardware", description=__doc__)
    parser.add_argument("-o", "--output", type=Path, help="file to write; by default the released one")
    parser.add_argument("--hindcast", type=float, metavar="YEAR", help="fit what is older, score the rest")
    options = parser.parse_args(arguments)
    before = math.inf if options.hindcast is None else options.hindcast

    def work() -> int:
        root = checkout_root()
        target = options.output or root / "data" / "traces" / f"{HARDWARE_RELEASE}.nc"
        if options.hindcast is None:
            check_writable(target)
        tree = fit_hardware(before=before)
        sys.stdout.write(checks(tree)[["check", "value", "worst", "passed"]].to_string(index=False) + "\n")
        if options.hindcast is None:
            sys.stdout.write(f"wrote {save_trace(tree, target)}\n")
        else:
            scored = score(tree).to_csv(index=False, float_format="%.4f", lineterminator="\n")
            write_files(root, {Path("data", "traces", f"hardware-hindcast-{before:g}.csv"): scored})
        return 3 if failed_checks(tree) else 0

    return exit_code(work)


if __name__ == "__main__":
    sys.exit(main())
