"""The functions that expressions may call, by engine: their signatures, and what each compiles to.

docs/mapping.md lists them from here. A parameter is written ``text``, ``text?`` (may be left out) or ``text...`` (one
or more). All functions are strict unless they say otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlglot import exp

from cdc_agent.expressions import terms
from cdc_agent.expressions.coercion import name_of
from cdc_agent.expressions.dialect import Scope
from cdc_agent.expressions.functions import arguments
from cdc_agent.expressions.terms import Term
from cdc_agent.model.values import Kind

Build = Callable[[Scope, list[Term], exp.Expression], Term]
_ANY_NUMBER: Final = 1_000


@dataclass(frozen=True, slots=True)
class Function:
    name: str
    parameters: tuple[str, ...]
    build: Build
    grammar: str = ""
    """How it is written when its arguments are not simply listed."""

    @property
    def signature(self) -> str:
        return f"{self.name}({self.grammar or ', '.join(self.parameters)})"

    @property
    def least(self) -> int:
        return sum(not parameter.endswith("?") for parameter in self.parameters)

    @property
    def most(self) -> int:
        return _ANY_NUMBER if any(p.endswith("...") for p in self.parameters) else len(self.parameters)


FUNCTIONS: Final[dict[str, dict[str, Function]]] = {"postgres": {}, "mysql": {}}
"""dialect → upper-case name → function"""
VOLATILE: Final = frozenset(
    {
        "NOW", "CURRENT_TIMESTAMP", "CURRENT_DATE", "CURRENT_TIME", "LOCALTIME", "LOCALTIMESTAMP", "CURDATE", "CURTIME",
        "SYSDATE", "UTC_DATE", "UTC_TIME", "UTC_TIMESTAMP", "CLOCK_TIMESTAMP", "STATEMENT_TIMESTAMP", "TIMEOFDAY",
        "TRANSACTION_TIMESTAMP", "RANDOM", "RAND", "SETSEED", "UUID", "UUID_SHORT", "GEN_RANDOM_UUID", "UUIDV4",
        "UUIDV7", "GEN_RANDOM_BYTES", "RANDOM_BYTES", "NEXTVAL", "CURRVAL", "LASTVAL", "LAST_INSERT_ID", "USER",
        "CURRENT_USER", "SESSION_USER", "CONNECTION_ID", "DATABASE", "SCHEMA", "VERSION", "TXID_CURRENT", "SLEEP",
        "PG_SLEEP", "BENCHMARK", "GET_LOCK", "ROW_COUNT", "FOUND_ROWS",
    }
)  # fmt: skip
"""Functions whose result is not a matter of the row."""


def split(parameters: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in parameters.split(",") if part.strip())


def register(engines: str, names: str, parameters: str, build: Build, grammar: str = "") -> None:
    for engine, letter in (("postgres", "P"), ("mysql", "M")):
        if letter in engines:
            for name in names.split():
                FUNCTIONS[engine][name] = Function(name, split(parameters), build, grammar)


def strict(
    engines: str,
    names: str,
    parameters: str,
    result: Any,
    function: Callable[..., Any],
    *,
    null: bool = False,
    defaults: tuple[Any, ...] = (),
) -> None:
    """A function that is NULL for NULL; `null` when it can return NULL itself; `defaults` of optional parameters."""
    wanted = split(parameters)

    def build(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
        given = arguments.accepted(scope, parts, wanted)
        left_out = len(wanted) - len(parts) if defaults else 0
        if left_out:
            given += [scope.constant(value, terms.TEXT, node) for value in defaults[-left_out:]]
        type_ = result(given) if callable(result) else result
        return scope.call(function, given, type_, node, may_be_null=null)

    register(engines, names, parameters, build)


def by_kind(engines: str, names: str, parameters: str, choices: dict[Kind, tuple[Any, Any]]) -> None:
    """A strict function of a number first, chosen by the number's kind."""
    wanted = split(parameters)

    def build(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
        given = arguments.accepted(scope, parts, wanted)
        kind = Kind.INTEGER if given[0].kind is Kind.YEAR else given[0].kind
        choice = choices.get(kind)
        if choice is None:
            raise scope.error(
                f"{names.split()[0]} of a {name_of(kind)} with {len(parts)} arguments is not supported",
                node,
                "CAST to another numeric type",
            )
        function, type_ = choice
        if function is None:
            return replace(given[0], node=node)
        return scope.call(function, given, type_ or given[0].type, node)

    register(engines, names, parameters, build)


BOTH: Final = "PM"
