"""Names that the agent makes for what it creates on servers, stable for a pipeline's name.

Nothing here does I/O.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

from cdc_agent.config.model import PipelineSettings

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
"""What databases and pipelines may be called: names stand in slots, application names and echo paths."""

_SLOT_LIMIT: Final = 63
_PREFIX: Final = "cdc_agent_"
_UNAMBIGUOUS: Final = re.compile(r"[a-z0-9-]+")
"""Names that stay distinct when `-` becomes `_`; others get a digest."""


def slot_name(pipeline: str, settings: PipelineSettings) -> str:
    """The replication slot of a pipeline: as configured, or made from its name (``[a-z0-9_]{1,63}``)."""
    return settings.slot or _made(pipeline)


def publication_name(pipeline: str, settings: PipelineSettings) -> str:
    """The publication of a pipeline: as configured, or named like the slot."""
    return settings.publication or _made(pipeline)


def _made(pipeline: str) -> str:
    plain = re.sub(r"[^a-z0-9]", "_", pipeline.lower())
    if _UNAMBIGUOUS.fullmatch(pipeline) and len(_PREFIX + plain) <= _SLOT_LIMIT:
        return _PREFIX + plain
    digest = hashlib.blake2b(pipeline.encode(), digest_size=4).hexdigest()
    return f"{_PREFIX}{plain[: _SLOT_LIMIT - len(_PREFIX) - 9]}_{digest}"
