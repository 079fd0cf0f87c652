"""A whole eval in one call: its prompts are put to a model, and the model's answers are scored.

The stages overlap, each only a bounded number of conversations ahead of the next::

    eval -> prompts -> workers (calling, answers) -> feed -> bulk scorer -> outcome
                          ^          |                            |
                          |       journal                         |
                          +---------- the next turn of a thread --+

``pipeline`` holds them together. A rerun with the same journal takes the same way: what the journal has is not asked
or sent again, so each thread goes on at the turn where it stopped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aymara_async.runner.blocking_runner import EvalRunner as EvalRunner
    from aymara_async.runner.blocking_runner import run_suite_blocking as run_suite_blocking
    from aymara_async.runner.calling import Answer as Answer
    from aymara_async.runner.calling import Model as Model
    from aymara_async.runner.errors import IncompleteSuiteError as IncompleteSuiteError
    from aymara_async.runner.errors import ModelError as ModelError
    from aymara_async.runner.errors import NoPromptsError as NoPromptsError
    from aymara_async.runner.errors import NoThreadError as NoThreadError
    from aymara_async.runner.handle import EvalHandle as EvalHandle
    from aymara_async.runner.model_prompt import ModelPrompt as ModelPrompt
    from aymara_async.runner.outcome import AnswerError as AnswerError
    from aymara_async.runner.outcome import EvalOutcome as EvalOutcome
    from aymara_async.runner.outcome import Exchange as Exchange
    from aymara_async.runner.progress import EvalProgress as EvalProgress
    from aymara_async.runner.runner import AsyncEvalRunner as AsyncEvalRunner
    from aymara_async.runner.suite import SuiteOutcome as SuiteOutcome
    from aymara_async.runner.suite import run_suite as run_suite

_HOMES = {
    "Answer": "calling",
    "AnswerError": "outcome",
    "AsyncEvalRunner": "runner",
    "EvalHandle": "handle",
    "EvalOutcome": "outcome",
    "EvalProgress": "progress",
    "EvalRunner": "blocking_runner",
    "Exchange": "outcome",
    "IncompleteSuiteError": "errors",
    "Model": "calling",
    "ModelError": "errors",
    "ModelPrompt": "model_prompt",
    "NoPromptsError": "errors",
    "NoThreadError": "errors",
    "SuiteOutcome": "suite",
    "run_suite": "suite",
    "run_suite_blocking": "blocking_runner",
}

__all__ = [
    "Answer",
    "AnswerError",
    "AsyncEvalRunner",
    "EvalHandle",
    "EvalOutcome",
    "EvalProgress",
    "EvalRunner",
    "Exchange",
    "IncompleteSuiteError",
    "Model",
    "ModelError",
    "ModelPrompt",
    "NoPromptsError",
    "NoThreadError",
    "SuiteOutcome",
    "run_suite",
    "run_suite_blocking",
]


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
