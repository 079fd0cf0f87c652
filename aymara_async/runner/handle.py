"""An eval in progress, as something that can be saved and picked up elsewhere."""

from __future__ import annotations

import attrs
import msgspec

from aymara_async.errors import ConfigurationError
from aymara_async.transport.codec import decoder

VERSION = 1


@attrs.frozen(kw_only=True)
class EvalHandle:
    """Which eval it is and where its journal is; it holds no key and can be kept anywhere."""

    eval_uuid: str
    """The eval, which may not be ready yet."""
    base_url: str
    """The API that has it."""
    workspace_uuid: str | None = None
    journal: str | None = None
    """The file that knows what was answered and scored; whoever picks the eval up has to reach it. Without one, each
    resumption asks and scores everything, in a run of its own."""
    turns: int = 1
    run_name: str | None = None
    version: int = VERSION

    def to_json(self) -> str:
        """Convert to a JSON string."""
        return msgspec.json.encode(self).decode()

    @staticmethod
    def from_json(text: str | bytes) -> EvalHandle:
        """Read what ``to_json`` wrote; raises ``ConfigurationError``."""
        try:
            handle: EvalHandle = decoder(EvalHandle)(text.encode() if isinstance(text, str) else text)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"This is no handle of an eval: {error}.") from error
        if handle.version != VERSION:
            raise ConfigurationError(
                f"The handle of eval {handle.eval_uuid} has version {handle.version}; this package reads version "
                f"{VERSION}. Use the version of the package that wrote it."
            )
        return handle
