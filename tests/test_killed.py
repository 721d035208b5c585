"""A process that is killed leaves the old file or the new one."""

from __future__ import annotations

import random

from tests.kill_nine import kill_writers


def test_writing_processes_that_are_killed_leave_whole_files() -> None:
    """The recorded run of ``tests/kill_nine.py`` kills more, and whole fits and reports."""
    assert kill_writers(5, random.Random(2)) == []
