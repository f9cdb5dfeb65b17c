"""Tables as a catalogue describes them: columns, keys, foreign keys."""

from __future__ import annotations

from dataclasses import dataclass

from cdc_agent.model.values import Type


@dataclass(frozen=True, slots=True)
class TargetColumn:
    name: str
    type: Type
    nullable: bool
    has_default: bool
    generated: bool = False
    identity: bool = False
    """GENERATED … AS IDENTITY or AUTO_INCREMENT."""


@dataclass(frozen=True, slots=True)
class ForeignKey:
    name: str
    columns: tuple[str, ...]
    references: tuple[str, str]
    referenced_columns: tuple[str, ...]
    on_delete: str
    """NO ACTION, RESTRICT, CASCADE, SET NULL or SET DEFAULT."""
    on_update: str


@dataclass(frozen=True, slots=True)
class TargetTable:
    """A target table as its catalogue describes it."""

    schema: str
    name: str
    columns: tuple[TargetColumn, ...]
    primary_key: tuple[str, ...]
    unique_keys: tuple[tuple[str, ...], ...] = ()
    """Unique keys other than the primary key."""
    foreign_keys: tuple[ForeignKey, ...] = ()

    @property
    def full_name(self) -> tuple[str, str]:
        return (self.schema, self.name)

    def column(self, name: str) -> TargetColumn | None:
        return next((column for column in self.columns if column.name == name), None)
