"""The configuration as typed, frozen values. Reading the file and naming lines is `config.load`'s work."""

from __future__ import annotations

import re
from datetime import date
from enum import StrEnum
from typing import Annotated, Final, Literal
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from cdc_agent.model import engines
from cdc_agent.model.engines import Engine

__all__ = [
    "Acknowledge",
    "Config",
    "Database",
    "Engine",
    "Misfit",
    "PipelineSettings",
    "RouteSettings",
    "SchemaChanges",
    "Settings",
    "Tls",
]


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Tls(Settings):
    mode: Literal["disable", "require", "verify-ca", "verify-full"] = "verify-full"
    ca: str | None = None
    cert: str | None = None
    key: str | None = None


class Database(Settings):
    """One entry under `databases:`; its name is the origin that echoes are recognised by."""

    url: str
    password: SecretStr | None = None
    tls: Tls | None = None
    server_id: Annotated[int, Field(ge=1, le=2**32 - 1)] | None = None
    """MySQL: the replica id to register with; None derives a stable unique one from the pipeline's name."""
    time_zone: str = "UTC"
    """The zone of the engine's zoneless timestamps where a conversion to or from an instant needs one."""

    @field_validator("url")
    @classmethod
    def _known_scheme(cls, url: str) -> str:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise ValueError("the URL's host or port cannot be read") from None
        if engines.of_scheme(parts.scheme) is None:
            raise ValueError(f"the URL must start with {' or '.join(f'{engine}://' for engine in Engine)}")
        if port == 0:
            raise ValueError("the URL's port must be 1 to 65535")
        if not parts.path.strip("/") or "/" in parts.path.strip("/"):
            raise ValueError("the URL must end with the name of one database: postgresql://user@host:5432/name")
        if parts.query or parts.fragment:
            raise ValueError("the URL must not have ?options: use `tls` and `password` beside it")
        return url

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("not a time zone; write a name like UTC or America/Chicago") from None
        return name

    @property
    def engine(self) -> Engine:
        engine = engines.of_scheme(urlsplit(self.url).scheme)
        assert engine is not None, "the URL was validated"
        return engine

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or "127.0.0.1"

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or self.engine.facts.port

    @property
    def user(self) -> str:
        return unquote(urlsplit(self.url).username or "cdc_agent")

    @property
    def secret(self) -> str:
        """The password in clear, for the drivers only."""
        if self.password is not None:
            return self.password.get_secret_value()
        return unquote(urlsplit(self.url).password or "")

    @property
    def name(self) -> str:
        """The database's own name on its server, the path of the URL."""
        return unquote(urlsplit(self.url).path.lstrip("/"))

    @property
    def default_schema(self) -> str:
        """The schema of a table's name without one."""
        return self.engine.facts.public_schema or self.name

    def holds(self, schema: str) -> bool:
        """Whether a schema that its user can see is part of this database, and not a database beside it."""
        return self.engine.facts.public_schema is not None or schema == self.name


class Misfit(StrEnum):
    """What happens to a row whose value the target cannot hold."""

    QUARANTINE = "quarantine"
    STOP = "stop"
    NULL = "null"


class SchemaChanges(StrEnum):
    """What happens when a table's schema changes in mid-stream, so that values would be lost."""

    STOP = "stop"
    """Wait in front of the first row of the new version until the target has followed."""
    FOLLOW = "follow"
    """Change the target: what adds, widens or renames, and new tables under a wildcard; else stop."""
    WARN = "warn"
    """Go on, and mark the table as differing."""


class RouteSettings(Settings):
    """One entry under `tables:`; `from` may hold a wildcard, then `to` must as well."""

    from_: Annotated[str, Field(alias="from")]
    to: str
    where: str | None = None
    columns: dict[str, str | int | float | bool | None] | None = None
    """Target column → SQL expression over source columns; None maps every column under its own name."""
    key: tuple[str, ...] | None = None
    """Target columns that identify a row where the target's primary key is not the one to use."""
    exclude: tuple[str, ...] = ()
    truncate: bool = True
    """Replicate TRUNCATE; False ignores it (and reports it)."""
    schema_changes: SchemaChanges | None = None
    """None: as the pipeline says."""
    misfit: Misfit = Misfit.QUARANTINE
    zero_dates: str = "quarantine"
    """MySQL's zero and partial dates: `quarantine`, `null`, or the date to write."""
    cascades: Literal["derive", "accept"] = "derive"
    """What foreign keys do to these rows without a trace in the log is derived; `accept`: what cannot be is let be."""

    @field_validator("zero_dates")
    @classmethod
    def _known_policy(cls, policy: str) -> str:
        if policy not in ("quarantine", "null"):
            try:
                date.fromisoformat(policy)
            except ValueError:
                raise ValueError("must be quarantine, null, or a date like 1970-01-01") from None
        return policy


SHADOW_TABLES: Final = (
    "_*_gho", "_*_ghc", "_*_del", "_*_new", "_*_old", "_*_chkpnt",
    "__osc_new_*", "__osc_old_*", "__osc_chg_*", "lhmn_*", "lhma_*", "pgosc_*",
)  # fmt: skip
"""What gh-ost, pt-online-schema-change, spirit, OnlineSchemaChange, LHM and pg-osc call the tables that they make."""


class Acknowledge(Settings):
    """When the source may release its log."""

    delay: float | None = None
    """Seconds after the target's commit, written ``60s``, ``5m`` or ``1h``; None: at once, but after a minute where the
    target does not make sure of its commits."""

    @field_validator("delay", mode="before")
    @classmethod
    def _seconds(cls, delay: object) -> object:
        match = re.fullmatch(r"(\d+(?:\.\d+)?)(s|m|h)", delay) if isinstance(delay, str) else None
        if delay is not None and match is None:
            raise ValueError("must be a time like 60s, 5m or 1h")
        return None if match is None else float(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]]


class PipelineSettings(Settings):
    source: str
    target: str
    tables: Annotated[tuple[RouteSettings, ...], Field(min_length=1)]
    shadow_tables: tuple[str, ...] = SHADOW_TABLES
    """Tables of tools that change schemas online: no wildcard takes them; one that takes a routed name is its new
    version."""
    schema_changes: SchemaChanges = SchemaChanges.STOP
    slot: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,63}$")] | None = None
    publication: str | None = None
    triggers: Literal["auto", "fire", "suppress"] = "auto"
    """Whether the target's triggers and foreign keys act on replicated rows; auto suppresses them where granted."""
    acknowledge: Acknowledge = Acknowledge()
    batch_bytes: Annotated[int, Field(ge=16 * 1024)] = 1024 * 1024
    """The applier stops draining the queue for one batch at this many bytes of log data, of wide rows at four times as
    many."""
    queue_bytes: Annotated[int, Field(ge=64 * 1024)] = 8 * 1024 * 1024
    quarantine_limit: Annotated[float, Field(gt=0, le=1)] = 0.1
    """The share of rows refused among the last 1,000 above which the pipeline stops."""


class Config(Settings):
    databases: dict[str, Database]
    pipelines: dict[str, PipelineSettings]

    @model_validator(mode="after")
    def _known_databases(self) -> Config:
        for name, pipeline in self.pipelines.items():
            for role, database in (("source", pipeline.source), ("target", pipeline.target)):
                if database not in self.databases:
                    raise ValueError(f"pipeline {name}: {role} {database!r} is not under databases")
        return self
