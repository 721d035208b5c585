"""The examples in the README and on the pages of docs, run, with what they print under them.

A ``pycon`` block holds statements at the prompt ``>>>``, a ``console`` block shell commands after ``$``; the
rest of either is output. All blocks of a page run in order, in one session and one empty folder. Other blocks
are only shown.
"""

from __future__ import annotations

import codeop
import contextlib
import io
import os
import re
import subprocess
import sys
import tempfile
import traceback
import warnings
from pathlib import Path
from typing import Any

__all__ = ["EXAMPLE", "pages"]

EXAMPLE = re.compile(r"^```(pycon|console)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_WIDTH = "80"


def pages(root: Path) -> dict[Path, str]:
    """Text of every page with examples."""
    texts = {
        path.relative_to(root): path.read_text(encoding="utf-8")
        for path in (root / "README.md", *sorted((root / "docs").rglob("*.md")))
    }
    return {path: filled(text) for path, text in texts.items() if EXAMPLE.search(text)}


def filled(text: str) -> str:
    """Give a page with the output of each of its examples as it is now."""
    session: dict[str, Any] = {"__name__": "__main__"}
    run = {"pycon": lambda block: run_python(block, session), "console": run_shell}

    def refill(match: re.Match[str]) -> str:
        if match[1] == "console" and not match[2].startswith("$ "):
            return match[0]
        return f"```{match[1]}\n{run[match[1]](match[2])}```"

    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        return EXAMPLE.sub(refill, text)


def run_python(block: str, session: dict[str, Any]) -> str:
    """Run the statements of a block; give them back with their output."""
    statements: list[list[str]] = []
    for line in block.splitlines():
        if line.startswith(">>> "):
            statements.append([line])
        elif line == "..." or line.startswith("... "):
            statements[-1].append(line)
    parts = []
    for lines in statements:
        source = "\n".join(line[4:] for line in lines) + "\n"
        parts += ["\n".join(lines) + "\n", tidy(execute(source, session))]
    return "".join(parts)


def execute(source: str, session: dict[str, Any]) -> str:
    """Output of one statement at the prompt, or the last line of its traceback."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            code = codeop.compile_command(source if source.count("\n") == 1 else source + "\n")
            if code is None:
                raise SyntaxError(f"incomplete: {source}")
            exec(code, session)
        except SyntaxError:
            raise
        except Exception as error:  # noqa: BLE001 - what a page shows of any mistake
            message = "".join(traceback.format_exception_only(error))
            return f"{printed.getvalue()}Traceback (most recent call last):\n    ...\n{message}"
    return printed.getvalue()


def run_shell(block: str) -> str:
    """Run the commands of a block; give them back with their output, talk included."""
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "COLUMNS": _WIDTH,
        "NO_COLOR": "1",
    }
    parts = []
    for line in block.splitlines():
        if line.startswith("$ "):
            done = subprocess.run(
                ["sh", "-c", line[2:]],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                encoding="utf-8",
                check=False,
            )
            parts += [line + "\n", tidy(done.stdout)]
    return "".join(parts)


def tidy(output: str) -> str:
    """Without spaces at the ends of lines and empty lines around."""
    lines = "\n".join(line.rstrip() for line in output.splitlines()).strip("\n")
    return lines + "\n" if lines else ""
