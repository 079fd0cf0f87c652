"""``aymara-async files``: what evals and responses refer to."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

import click

from aymara_async.cli.changing import in_doubt, wait_option
from aymara_async.cli.command import Group
from aymara_async.cli.connected import connected
from aymara_async.cli.options import options
from aymara_async.cli.output.formats import format_option, write_list, write_object
from aymara_async.cli.output.listing import Listing, write_pager

if TYPE_CHECKING:
    from aymara_async.cli.terminal import Terminal
    from aymara_async.client import AsyncAymaraAI
    from aymara_async.models import FileUpload

_TIMEOUT = 3600.0


class _Upload(TypedDict):
    content_type: str | None
    timeout: float
    wait: float | None


@click.group(
    cls=Group,
    epilog="""\b
Examples:
  aymara-async files upload manual.pdf --wait
  aymara-async files list --limit 20
""",
)
def files() -> None:
    """Upload the files that evals and responses refer to, list and get them."""


@files.command(
    "upload",
    epilog="""\b
Examples:
  aymara-async files upload manual.pdf
  aymara-async files upload *.png --format jsonl --wait | jq -r .file_uuid
""",
)
@click.argument(
    "paths",
    metavar="PATH...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path),
)
@click.option("--content-type", metavar="TYPE", help="Media type of the files.  [default: by their names]")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    default=_TIMEOUT,
    show_default=True,
    help="How long the upload of one file may take.",
)
@wait_option("the server has processed each file")
@format_option
@connected
async def upload_files(
    client: AsyncAymaraAI, terminal: Terminal, /, paths: tuple[Path, ...], format: str, **settings: Unpack[_Upload]
) -> None:
    """Upload the file at each PATH, one after the other, and show what became of it."""
    from aymara_async.cli.output.columns import UPLOADS, fields_of
    from aymara_async.models import FileUpload

    async with aclosing(_upload(client, terminal, paths, settings)) as uploads:
        await write_list(uploads, format=format, fields=fields_of(FileUpload), columns=UPLOADS, chunk=1)


async def _upload(
    client: AsyncAymaraAI, terminal: Terminal, /, paths: tuple[Path, ...], settings: _Upload
) -> AsyncGenerator[FileUpload, None]:
    for number, path in enumerate(paths, 1):
        terminal.note(f"Uploading {path} ({number} of {len(paths)})")
        file = (path.name, path, settings["content_type"])
        with in_doubt(terminal, f"{path} may have been uploaded, or not: see `aymara-async files list`."):
            upload = await client.files.upload(file=file, timeout=settings["timeout"])
        uuid = upload.file_uuid
        terminal.harm = f"{number} of {len(paths)} files are uploaded."
        if settings["wait"] is not None and uuid is not None:
            with in_doubt(terminal, f"{path} is uploaded: see `aymara-async files get {uuid}`."):
                status = await client.files.wait(uuid, timeout=settings["wait"])
            upload.processing_status = status.processing_status
            upload.remote_file_path = status.remote_file_path or upload.remote_file_path
        upload.local_file_path = str(path)
        yield upload


@files.command(
    "list",
    epilog="""\b
Examples:
  aymara-async files list --type image
  aymara-async files list --format csv > files.csv
""",
)
@click.option("--type", "file_type", metavar="TYPE", help="Only text, image, video or document files.")
@options(Listing)
@connected
async def list_files(client: AsyncAymaraAI, terminal: Terminal, /, file_type: str | None, listing: Listing) -> None:
    """List the files, all or of one type."""
    from aymara_async.cli.output.columns import FILES, fields_of
    from aymara_async.models import FileDetail

    lister = partial(client.files.list, file_type=file_type)
    await write_pager(lister, listing, terminal, fields=fields_of(FileDetail), columns=FILES)


@files.command("get", epilog="\b\nExample:\n  aymara-async files get 0b7d --format json | jq -r .file_url")
@click.argument("file")
@format_option
@connected
async def get_file(client: AsyncAymaraAI, _: Terminal, /, file: str, format: str) -> None:
    """Show the FILE with this id."""
    from aymara_async.cli.output.columns import fields_of

    found = await client.files.get(file)
    write_object(found, format=format, fields=fields_of(type(found)))
