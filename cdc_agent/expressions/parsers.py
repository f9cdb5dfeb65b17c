"""The engines' SQL as sqlglot reads it, with function calls left as they are written.

sqlglot maps functions of many dialects to common nodes; here a function must mean what its own engine means by the
name, so that only the functions with a grammar of their own (CAST, EXTRACT, TRIM …) become nodes.
"""

from __future__ import annotations

from typing import Any, Final

from sqlglot import exp
from sqlglot.dialects.mysql import MySQL
from sqlglot.dialects.postgres import Postgres
from sqlglot.tokens import TokenType  # type: ignore[attr-defined, unused-ignore]

from cdc_agent.expressions.times import UNITS

_OWN_GRAMMAR: Final = frozenset({"CAST", "CONVERT", "EXTRACT", "OVERLAY", "POSITION", "SUBSTRING", "SUBSTR", "TRIM"})


class PlainPostgres(Postgres):
    class Parser(Postgres.Parser):  # type: ignore[misc, valid-type, unused-ignore]
        FUNCTIONS: Any = {}  # noqa: RUF012 -- as in the base class
        LAMBDAS: Any = {}  # noqa: RUF012 -- f(a -> 'b') is JSON access, not a function of a
        FUNCTION_PARSERS = {  # noqa: RUF012
            name: parse for name, parse in Postgres.Parser.FUNCTION_PARSERS.items() if name in _OWN_GRAMMAR
        }

        def _parse_interval(self, *args: Any, **kwargs: Any) -> exp.Expression | None:
            """Keep the literal as it stands: sqlglot drops what follows the first unit in '1 day 02:00:00'."""
            is_interval = self._curr is not None and self._curr.token_type == TokenType.INTERVAL
            if not is_interval or self._next is None or self._next.token_type != TokenType.STRING:
                return None
            text = self._next.text
            self._advance(2)
            unit = self._curr.text.upper() if self._curr is not None else ""
            if unit in UNITS and text.strip().lstrip("+-").isdigit():
                self._advance()
                text = f"{text} {unit}"
            return exp.Interval(this=exp.Literal.string(text))


class PlainMySQL(MySQL):
    class Parser(MySQL.Parser):  # type: ignore[misc, valid-type, unused-ignore]
        FUNCTIONS: Any = {}  # noqa: RUF012
        LAMBDAS: Any = {}  # noqa: RUF012
        FUNCTION_PARSERS = {  # noqa: RUF012
            name: parse for name, parse in MySQL.Parser.FUNCTION_PARSERS.items() if name in _OWN_GRAMMAR
        }
        COLUMN_OPERATORS = {  # noqa: RUF012 -- MySQL has no x::type
            token: parse for token, parse in MySQL.Parser.COLUMN_OPERATORS.items() if token != TokenType.DCOLON
        }


PARSERS: Final = {"postgres": PlainPostgres, "mysql": PlainMySQL}
