"""Messages of the library as the shell's user knows them: with flags, where Python has arguments."""

from __future__ import annotations

import re
import sys

import click

from scaling_bayes.cli.commands import cli
from scaling_bayes.cli.output import in_shell

#: ``law='cubic'``, ``budget_usd=-1``, ``measurement_error=False``, ``scenario=None``.
#: What follows ``--column`` is no argument.
_ARGUMENT = re.compile(
    r"(?<!--column )(?<!--column ')\b([a-z][a-z_]+)=('[^']*'|\"[^\"]*\"|[^\s,;)]*[^\s,;.)])"
)
#: ``years: nan must lie``, ``draws must be``.
_BEGINNING = re.compile(r"^([a-z][a-z_]+)(?=:? (?:must|\S+ (?:must|is)))")
#: ``(years=2026, --year 2026)``: both forms of one thing.
_BOTH = re.compile(r"\b[a-z_]+=[^\s,()]+, (?=--)")
#: Arguments of the library whose option has another name.
_NAMES = {"years": "year", "targets": "target", "budget": "budget_usd"}


def with_flags(message: str) -> str:
    """Name the options of the command that is running where a message names arguments: ``--law cubic``."""
    command = next((cli.commands[word] for word in sys.argv[1:] if word in cli.commands), None)
    known = command.params if command else []
    options = {str(option.name): option for option in known if isinstance(option, click.Option)}
    options |= {option.opts[-1].removeprefix("--").replace("-", "_"): option for option in options.values()}

    def flag(found: re.Match[str]) -> str:
        option = options.get(_NAMES.get(found[1], found[1]))
        if option is None:
            return found[0]
        value = found[2].strip("'\"")
        if option.is_flag or option.secondary_opts:
            return (
                option.secondary_opts[-1] if value == "False" and option.secondary_opts else option.opts[-1]
            )
        return f"{option.opts[-1]} {'none' if value == 'None' else value}"

    def begun(found: re.Match[str]) -> str:
        option = options.get(_NAMES.get(found[1], found[1]))
        return found[0] if option is None else option.opts[-1]

    return _BEGINNING.sub(begun, _ARGUMENT.sub(flag, _BOTH.sub("", in_shell(message))))
