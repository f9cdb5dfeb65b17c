"""The engines that there are, with what is known of each before any server is asked.

A URL's scheme names an engine; which flavour of it a server is (MySQL or MariaDB) the server itself says. What an
engine *does* is in the one object that each room has for it: `engines.registry`, `tables.registry`, `store.versions`,
`flow.ends`, `preflight.sides`.

Nothing here does I/O.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of an engine."""

    schemes: tuple[str, ...]
    """The schemes of URLs that lead to it."""
    flavors: tuple[str, ...]
    """What its servers are called, once they have been asked."""
    port: int
    """Where a server listens unless the URL says otherwise."""
    dialect: str
    """The name of its SQL in sqlglot."""
    public_schema: str | None
    """The schema of a table's name without one; None where a database is its own and only schema."""
    folds_columns: bool
    """Whether names of columns that differ in case alone are one name."""
    logs_generated: bool
    """Whether the log holds generated columns."""
    keeps_slots: bool
    """Whether a server keeps log for each reader by name (a slot), and publishes tables by name."""


class Engine(StrEnum):
    """The family that a URL names. MySQL and MariaDB are told apart once connected."""

    POSTGRES = "postgresql"
    MYSQL = "mysql"

    @property
    def facts(self) -> Facts:
        return _FACTS[self]


_FACTS: Final = {
    Engine.POSTGRES: Facts(
        schemes=("postgresql", "postgres"),
        flavors=("postgresql",),
        port=5432,
        dialect="postgres",
        public_schema="public",
        folds_columns=False,
        logs_generated=False,
        keeps_slots=True,
    ),
    Engine.MYSQL: Facts(
        schemes=("mysql", "mariadb"),
        flavors=("mysql", "mariadb"),
        port=3306,
        dialect="mysql",
        public_schema=None,
        folds_columns=True,
        logs_generated=True,
        keeps_slots=False,
    ),
}
_BY_SCHEME: Final = {scheme: engine for engine in Engine for scheme in engine.facts.schemes}
_BY_FLAVOR: Final = {flavor: engine for engine in Engine for flavor in engine.facts.flavors}


def of_scheme(scheme: str) -> Engine | None:
    """The engine that a URL with this scheme leads to; None for a scheme of none."""
    return _BY_SCHEME.get(scheme)


def of_flavor(flavor: str) -> Engine:
    """The engine of a server that calls itself so. KeyError for a name of none."""
    return _BY_FLAVOR[flavor]
