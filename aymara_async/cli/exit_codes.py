"""What the command line's exit codes mean."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of every command."""

    OK = 0
    """Done: for ``score`` and ``run`` all was scored, and every gate that was asked for passed."""
    GATE_FAILED = 1
    """A gate says that it is not good enough: the pass rate is below the bar, or the run is worse than its baseline."""
    UNUSABLE_INPUT = 2
    """An argument, a setting, an input file or a journal cannot be used; the message says if anything was sent."""
    API_ERROR = 3
    """A call to the API failed."""
    INCOMPLETE = 4
    """The server did not finish, or did not give back what it was given."""
    GATE_INCONCLUSIVE = 5
    """A gate cannot tell whether it is good enough: too little was scored."""
    MODEL_FAILED = 6
    """The model under evaluation failed, which stopped the run."""
    INTERNAL_ERROR = 70
    """A fault of this program."""
    OUTPUT_FAILED = 74
    """The output could not be written, or its reader stopped reading."""
    INTERRUPTED = 130
    """Ctrl-C."""


EXIT_CODES = """\b
Exit codes:
  0    done: everything was scored, and every gate passed
  1    a gate failed: the pass rate is too low, or worse than the baseline
  2    unusable argument, setting, input file or journal
  3    a call to the API failed
  4    the server did not finish, or did not give back what it was given
  5    a gate is inconclusive: too little was scored to tell
  6    the model failed, which stopped the run
  70   a fault of this program
  74   the output could not be written to its end
  130  interrupted with Ctrl-C
"""
