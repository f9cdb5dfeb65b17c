"""Functions that look for one text in others. Importing this registers them."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from cdc_agent.expressions import terms
from cdc_agent.expressions.coercion import as_text, comparable, text_like
from cdc_agent.expressions.dialect import Scope
from cdc_agent.expressions.functions import arguments
from cdc_agent.expressions.functions.registry import BOTH, Build, register, strict
from cdc_agent.expressions.terms import Term

# --- what they compute -----------------------------------------------------------------------------------------------


def position(part: str, text: str) -> int:
    return text.find(part) + 1


def locate(part: str, text: str, start: int) -> int:
    return text.find(part, start - 1) + 1 if 1 <= start <= len(text) + 1 else 0


def starts_with(text: str, part: str) -> bool:
    return text.startswith(part)


def find_in_set(text: str, choices: str) -> int:
    found = choices.split(",")
    return found.index(text) + 1 if choices and text in found else 0


def strcmp(one: str, other: str) -> int:
    return (one > other) - (one < other)


# --- how they are called ---------------------------------------------------------------------------------------------


strict("P", "STARTS_WITH", "text, text", terms.BOOL, starts_with)


def _searched(scope: Scope, parts: list[Term]) -> list[Term]:
    """Texts in the form in which the engine searches them."""
    given = [as_text(scope, term) for term in parts]
    key = scope.dialect.search_key(text_like(given))
    return given if key is None else [scope.call(key, [term], term.type, term.node) for term in given]


def _position(swapped: bool) -> Build:
    def build(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
        found = _searched(scope, parts[:2])
        pair = found[::-1] if swapped else found
        if len(parts) == 3:
            return scope.call(locate, [*pair, arguments.integer_value(scope, parts[2])], terms.BIG, node)
        return scope.call(position, pair, scope.dialect.count_type, node)

    return build


register(BOTH, "POSITION", "text, text", _position(False), "text IN text")
register("P", "STRPOS", "text, text", _position(True))
register("M", "INSTR", "text, text", _position(True))
register("M", "LOCATE", "text, text, integer?", _position(False))


def _set_function(function: Callable[..., int]) -> Build:
    def build(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
        return scope.call(function, _searched(scope, parts), terms.BIG, node)

    return build


register("M", "FIND_IN_SET", "text, text", _set_function(find_in_set))
register("M", "STRCMP", "text, text", _set_function(strcmp))


def _field(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    """FIELD: 0 when nothing is equal, NULL included."""
    found = scope.constant(0, terms.BIG, node)
    source = found.source
    for place, choice in reversed(list(enumerate(parts[1:], 1))):
        a, b = comparable(scope, parts[0], choice)
        equal = scope.operator("{0} == {1}", [a, b], terms.BOOL, node)
        source = f"({place} if {equal.source} else {source})"
    return Term(source, terms.BIG, False, node)


def _elt(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    index = arguments.integer_value(scope, parts[0])
    choices = [as_text(scope, term) for term in parts[1:]]
    name = scope.temporary()
    source = "None"
    for place, choice in reversed(list(enumerate(choices, 1))):
        source = f"({choice.source} if {name} == {place} else {source})"
    return Term(f"(None if ({name} := {index.source}) is None else {source})", text_like(choices), True, node)


register("M", "FIELD", "any, any...", _field)
register("M", "ELT", "integer, text...", _elt)
