"""What the command line's exit codes mean."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of every command."""

    OK = 0
    """Done; for ``score``: everything was scored, whatever the pass rate."""
    GATE_FAILED = 1
    """Everything was scored, and it was not good enough."""
    UNUSABLE_INPUT = 2
    """An argument, a setting or an input file cannot be used; nothing was sent."""
    API_ERROR = 3
    """A call to the API failed."""
    INCOMPLETE = 4
    """The server did not finish, or did not give back what it was given."""
    GATE_INCONCLUSIVE = 5
    """Too little was scored to say whether it is good enough."""
    INTERNAL_ERROR = 70
    """A fault of this program."""
    OUTPUT_FAILED = 74
    """The output could not be written, or its reader stopped reading."""
    INTERRUPTED = 130
    """Ctrl-C."""


EXIT_CODES = """\b
Exit codes:
  0    done: everything was scored, whatever the pass rate
  1    reserved for gates: not good enough
  2    unusable argument, setting or input file; nothing was sent
  3    a call to the API failed
  4    the server did not finish, or did not give back what it was given
  5    reserved for gates: inconclusive
  70   a fault of this program
  74   the output could not be written to its end
  130  interrupted with Ctrl-C
"""
