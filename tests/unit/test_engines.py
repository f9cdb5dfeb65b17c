"""Each room has an object for each engine, and what is known of an engine stands in one place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import ValidationError

from cdc_agent.config.model import Database
from cdc_agent.engines.registry import ADMINS
from cdc_agent.flow.ends import LOGS, TARGETS
from cdc_agent.model.engines import Engine, of_flavor, of_scheme
from cdc_agent.preflight.sides import SIDES
from cdc_agent.store.versions import STATEMENTS
from cdc_agent.tables.registry import READERS


@pytest.mark.parametrize("room", [ADMINS, READERS, STATEMENTS, LOGS, TARGETS, SIDES])
def test_every_room_knows_every_engine(room: Mapping[Engine, Any]) -> None:
    """An engine that is added to one and forgotten in another is found here."""
    assert set(room) == set(Engine)


def test_an_engine_is_known_by_scheme_and_by_flavour() -> None:
    """MariaDB is a flavour of MySQL, under a scheme of its own."""
    assert [of_scheme(scheme) for scheme in ("postgres", "mariadb", "oracle")] == [Engine.POSTGRES, Engine.MYSQL, None]
    assert [of_flavor(flavor) for flavor in ("postgresql", "mysql", "mariadb")] == [
        Engine.POSTGRES,
        Engine.MYSQL,
        Engine.MYSQL,
    ]


def test_a_database_takes_port_and_schema_from_its_engine() -> None:
    """Where the URL does not say them; a MySQL database is its own schema, and others are beside it."""
    phone, crm = Database(url="postgresql://db/phone"), Database(url="mariadb://db/crm")
    assert [(one.port, one.default_schema) for one in (phone, crm)] == [(5432, "public"), (3306, "crm")]
    assert [one.holds("sales") for one in (phone, crm)] == [True, False]


def test_the_schemes_are_told_to_who_misses_them() -> None:
    """The message names one for each engine."""
    with pytest.raises(ValidationError, match="must start with postgresql:// or mysql://"):
        Database(url="oracle://db/phone")
