"""Run the examples on the pages and write what they print under them.

A ``pycon`` block holds statements at the prompt ``>>>``, a ``console`` block shell commands after ``$``; the
rest of either is output. All blocks of a page run in order, in one session and one empty folder. Other blocks
are only shown.

Run ``python tools/page_outputs.py`` to refill the pages and draw the picture of the front page anew, with
``--check`` to name the pages that are stale.
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

DOCS = Path(__file__).resolve().parent.parent / "docs"
_BLOCK = re.compile(r"^```(pycon|console)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_WIDTH = "80"


def pages() -> list[Path]:
    """Pages with examples."""
    return [path for path in sorted(DOCS.rglob("*.md")) if _BLOCK.search(path.read_text(encoding="utf-8"))]


def filled(text: str) -> str:
    """Give a page with the output of each of its examples as it is now."""
    session: dict[str, Any] = {"__name__": "__main__"}
    run = {"pycon": lambda block: run_python(block, session), "console": run_shell}

    def refill(match: re.Match[str]) -> str:
        if match[1] == "console" and not match[2].startswith("$ "):
            return match[0]
        return f"```{match[1]}\n{run[match[1]](match[2])}```"

    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        return _BLOCK.sub(refill, text)


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


def picture() -> str:
    """SVG of what each target of the 2020 paper needs, by the released fit."""
    import scaling_bayes as sb
    from scaling_bayes.figures import plot_projections, to_svg

    trace = sb.open_trace("reference-2026.11")
    figure = plot_projections(sb.summary(sb.project(trace))).figure.get_figure(root=True)
    about = f"Training compute that each target error needs; fit {trace.attrs['digest'][:12]}"
    svg: str = to_svg(figure, name="targets", alt=about)
    return svg


def main() -> int:
    """Refill every page, or name the stale ones."""
    checking = sys.argv[1:] == ["--check"]
    stale = []
    for path in pages():
        text = path.read_text(encoding="utf-8")
        if (now := filled(text)) != text:
            stale.append(path)
            if not checking:
                path.write_text(now, encoding="utf-8")
    if not checking:
        (DOCS / "images" / "targets.svg").write_text(picture(), encoding="utf-8")
    for path in stale:
        print(f"{path.relative_to(DOCS.parent)}: {'stale' if checking else 'refilled'}")
    return int(checking and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
