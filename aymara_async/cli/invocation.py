"""One run of the command line: from its arguments to an exit code."""

from __future__ import annotations

from collections.abc import Sequence

import click

from aymara_async.analysis.errors import MissingExtraError
from aymara_async.bulk.errors import AmbiguousRunError, BatchOutcomeUnknownError, ScoredTwiceError
from aymara_async.cli.exit_codes import ExitCode
from aymara_async.cli.group import aymara_async
from aymara_async.cli.output.stdout import OutputError
from aymara_async.cli.terminal import Terminal
from aymara_async.errors import (
    APIResponseValidationError,
    AymaraAIError,
    ConfigurationError,
    IncompleteScoringError,
    RequestValidationError,
    WaitError,
)
from aymara_async.journal.errors import JournalError
from aymara_async.response import APIResponse
from aymara_async.runner.errors import NoPromptsError
from aymara_async.scoring.errors import ExactEvalError, InputFileError

_UNUSABLE = (ConfigurationError, RequestValidationError, InputFileError, JournalError, MissingExtraError)
_INCOMPLETE = (
    WaitError,
    IncompleteScoringError,
    ExactEvalError,
    NoPromptsError,
    AmbiguousRunError,
    BatchOutcomeUnknownError,
    ScoredTwiceError,
)


def run(arguments: Sequence[str] | None) -> int:
    """Run the command that the arguments name; tell what goes wrong, and return the exit code."""
    terminal = Terminal()
    try:
        code = aymara_async.main(arguments, prog_name="aymara-async", standalone_mode=False, obj=terminal)
        return code if isinstance(code, int) else ExitCode.OK
    except click.ClickException as error:
        _tell_usage(error, terminal)
        return ExitCode.UNUSABLE_INPUT
    except (KeyboardInterrupt, click.Abort):
        terminal.stopped("Interrupted.")
        return ExitCode.INTERRUPTED
    except OutputError as error:
        if not error.is_closed:
            terminal.error(str(error))
        return ExitCode.OUTPUT_FAILED
    except AymaraAIError as error:
        terminal.trace(error)
        terminal.error(_message(error))
        if terminal.state is not None and not error.message.endswith("Nothing was sent."):
            terminal.stopped("How things stand:")
        return _exit_code(error)
    except Exception as error:  # noqa: BLE001 - the last resort of a process: say it in one line, too
        terminal.trace(error)
        hint = "" if terminal.is_debugging else "; run it again with --debug to see where"
        terminal.error(f"unexpected {type(error).__name__}: {error}{hint}")
        return ExitCode.INTERNAL_ERROR


def _tell_usage(error: click.ClickException, terminal: Terminal) -> None:
    """Say which argument cannot be used, and where to read about it."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context is None:
        terminal.error(error.format_message())
    elif error.message == context.get_help():  # no argument at all
        click.echo(error.message, err=True)
    else:
        terminal.error(f"{error.format_message()} See `{context.command_path} --help`.")


def _message(error: AymaraAIError) -> str:
    """Say what went wrong, and how the server calls the exchange, which only some messages do by themselves."""
    response: object = getattr(error, "response", None)
    said = error.message
    if isinstance(error, APIResponseValidationError) and _is_web_page(error.response):
        said = _of_web_page(error.response)
    request_id = response.request_id if isinstance(response, APIResponse) else None
    return said if request_id is None or request_id in said else f"{said} Request id: {request_id}."


def _is_web_page(response: APIResponse[object]) -> bool:
    return "html" in response.headers.get("content-type", "") or response.content.lstrip().startswith(b"<")


def _of_web_page(response: APIResponse[object]) -> str:
    from aymara_async.transport.addresses import shown_url

    doubt = "" if response.method == "GET" else " Whether the API got the call is not known."
    return (
        f"A web page answered {response.method} {shown_url(response.url)} in place of the API.{doubt} Check --base-url "
        "and AYMARA_AI_BASE_URL, and whether a proxy or a login page stands in the way; `aymara-async doctor` looks at "
        "them."
    )


def _exit_code(error: AymaraAIError) -> ExitCode:
    if isinstance(error, _UNUSABLE):
        return ExitCode.UNUSABLE_INPUT
    return ExitCode.INCOMPLETE if isinstance(error, _INCOMPLETE) else ExitCode.API_ERROR
