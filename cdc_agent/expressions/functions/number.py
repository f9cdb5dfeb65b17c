"""Numeric functions. Importing this registers them."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from sqlglot import exp

from cdc_agent.expressions import numbers, terms
from cdc_agent.expressions.arithmetic import calculate
from cdc_agent.expressions.coercion import name_of, to_number
from cdc_agent.expressions.dialect import Scope
from cdc_agent.expressions.functions import arguments
from cdc_agent.expressions.functions.registry import BOTH, by_kind, register, strict
from cdc_agent.expressions.terms import Term
from cdc_agent.model.values import Kind

by_kind(BOTH, "ABS", "number", {
    Kind.INTEGER: (abs, None), Kind.DECIMAL: (numbers.absolute, terms.DECIMAL), Kind.FLOAT: (abs, terms.FLOAT),
})  # fmt: skip
by_kind("P", "CEIL CEILING", "number", {
    Kind.INTEGER: (float, terms.FLOAT), Kind.DECIMAL: (numbers.ceil_decimal, terms.DECIMAL),
    Kind.FLOAT: (numbers.ceil_float, terms.FLOAT),
})  # fmt: skip
by_kind("P", "FLOOR", "number", {
    Kind.INTEGER: (float, terms.FLOAT), Kind.DECIMAL: (numbers.floor_decimal, terms.DECIMAL),
    Kind.FLOAT: (numbers.floor_float, terms.FLOAT),
})  # fmt: skip
by_kind("M", "CEIL CEILING", "number", {
    Kind.INTEGER: (None, None), Kind.DECIMAL: (math.ceil, terms.BIG), Kind.FLOAT: (numbers.ceil_float, terms.FLOAT),
})  # fmt: skip
by_kind("M", "FLOOR", "number", {
    Kind.INTEGER: (None, None), Kind.DECIMAL: (math.floor, terms.BIG), Kind.FLOAT: (numbers.floor_float, terms.FLOAT),
})  # fmt: skip
by_kind("P", "SIGN", "number", {
    Kind.INTEGER: (lambda n: float(numbers.sign(n)), terms.FLOAT), Kind.DECIMAL: (numbers.sign_decimal, terms.DECIMAL),
    Kind.FLOAT: (numbers.sign_float, terms.FLOAT),
})  # fmt: skip
by_kind("M", "SIGN", "number", dict.fromkeys((Kind.INTEGER, Kind.DECIMAL, Kind.FLOAT), (numbers.sign, terms.BIG)))
by_kind("P", "SQRT", "number", {
    Kind.INTEGER: (numbers.square_root, terms.FLOAT), Kind.DECIMAL: (numbers.square_root_decimal, terms.DECIMAL),
    Kind.FLOAT: (numbers.square_root, terms.FLOAT),
})  # fmt: skip
strict("M", "SQRT", "float", terms.FLOAT, numbers.mysql_square_root, null=True)


def _rounding(scope: Scope, parts: list[Term], node: exp.Expression, choices: dict[str, Any]) -> Term:
    number = arguments.number_value(scope, parts[0])
    if len(parts) == 1:
        function, type_ = choices[f"{number.kind.value}"]
        return scope.call(function, [number], type_ or number.type, node)
    digits = arguments.integer_value(scope, parts[1])
    choice = choices.get(f"{number.kind.value} to")
    if choice is None and number.kind is Kind.INTEGER:
        number, choice = to_number(scope, number, Kind.DECIMAL), choices["decimal to"]
    if choice is None:
        raise scope.error(f"a {name_of(number.kind)} cannot be rounded to a number of digits", node, "CAST to NUMERIC")
    return scope.call(choice[0], [number, digits], choice[1] or number.type, node)


_POSTGRES_ROUND: Final[dict[str, Any]] = {
    "integer": (float, terms.FLOAT),
    "decimal": (lambda n: numbers.round_decimal(n, 0), terms.DECIMAL),
    "float": (numbers.round_float, terms.FLOAT),
    "decimal to": (numbers.round_decimal, terms.DECIMAL),
}
_POSTGRES_TRUNC: Final[dict[str, Any]] = {
    "integer": (float, terms.FLOAT),
    "decimal": (lambda n: numbers.truncate_decimal(n, 0), terms.DECIMAL),
    "float": (numbers.truncate_float, terms.FLOAT),
    "decimal to": (numbers.truncate_decimal, terms.DECIMAL),
}
_MYSQL_ROUND: Final[dict[str, Any]] = {
    "integer": (lambda n: n, None),
    "decimal": (lambda n: numbers.round_decimal(n, 0), terms.DECIMAL),
    "float": (numbers.round_float, terms.FLOAT),
    "integer to": (numbers.round_integer, None),
    "decimal to": (numbers.mysql_round, terms.DECIMAL),
    "float to": (numbers.round_float_to, terms.FLOAT),
}
_MYSQL_TRUNCATE: Final[dict[str, Any]] = {
    "integer to": (numbers.truncate_integer, None),
    "decimal to": (numbers.mysql_truncate, terms.DECIMAL),
    "float to": (numbers.truncate_float_to, terms.FLOAT),
}
register("P", "ROUND", "number, integer?", partial(_rounding, choices=_POSTGRES_ROUND))
register("P", "TRUNC", "number, integer?", partial(_rounding, choices=_POSTGRES_TRUNC))
register("M", "ROUND", "number, integer?", partial(_rounding, choices=_MYSQL_ROUND))
register("M", "TRUNCATE", "number, integer", partial(_rounding, choices=_MYSQL_TRUNCATE))


def _modulo(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    return calculate(scope, "%", parts[0], parts[1], node)


def _divide(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    pair = [to_number(scope, term, Kind.DECIMAL) for term in parts]
    return scope.call(numbers.divide_whole, pair, terms.DECIMAL, node)


def _float_function(names: str, function: Callable[..., float], parameters: str = "float") -> None:
    """Of PostgreSQL's floats only: there are other rules for numeric."""

    def build(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
        if any(term.kind is Kind.DECIMAL for term in parts):
            raise scope.error(f"{names.split()[0]} of numeric is not supported", node, "CAST to DOUBLE PRECISION first")
        return scope.call(function, [to_number(scope, term, Kind.FLOAT) for term in parts], terms.FLOAT, node)

    register("P", names, parameters, build)


register(BOTH, "MOD", "number, number", _modulo)
register("P", "DIV", "number, number", _divide)
_float_function("POWER POW", numbers.power, "float, float")
_float_function("EXP", math.exp)
_float_function("LN", math.log)
_float_function("LOG LOG10", math.log10)
_float_function("CBRT", math.cbrt)
strict("M", "POWER POW", "float, float", terms.FLOAT, numbers.power)
strict("M", "EXP", "float", terms.FLOAT, math.exp)
strict("M", "LN", "float", terms.FLOAT, numbers.mysql_logarithm, null=True)
strict("M", "LOG10", "float", terms.FLOAT, numbers.mysql_logarithm_10, null=True)
strict("M", "LOG2", "float", terms.FLOAT, numbers.mysql_logarithm_2, null=True)


def _mysql_log(scope: Scope, parts: list[Term], node: exp.Expression) -> Term:
    given = [to_number(scope, term, Kind.FLOAT) for term in parts]
    function: Callable[..., Any] = numbers.mysql_logarithm if len(given) == 1 else numbers.mysql_logarithm_to
    return scope.call(function, given, terms.FLOAT, node, may_be_null=True)


register("M", "LOG", "float, float?", _mysql_log)
