"""Evaluates an expression in every form that generated code may use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cdc_agent.conversions.base import MisfitError
from cdc_agent.expressions.expression import NO_VALUE, Expression, Form

_NO_VALUE = object()


def evaluated(expression: Expression, values: Sequence[bytes | None]) -> bytes | None:
    """`Expression.evaluate`, with which the text of both forms must agree, errors included."""
    forms = [expression.form] if None in values else [expression.form, expression.filled]
    try:
        result: Any = expression.evaluate(values)
    except MisfitError:
        for form in forms:
            assert _inlined(expression, form, values) is _NO_VALUE, f"{expression.text}: {form.source} has a value"
        raise
    for form in forms:
        found = _inlined(expression, form, values)
        assert found == result, f"{expression.text}: {form.source} differs"
        assert found is not None or form.nullable, f"{expression.text}: {form.source} is None"
    return None if result is None else bytes(result)


def _inlined(expression: Expression, form: Form, values: Sequence[bytes | None]) -> Any:
    arguments = [f"value_{place}" for place in range(len(values))]
    source, names = expression.inline(form, arguments, "_mark")
    readers = expression.readers
    read = [None if value is None else reader(value) for value, reader in zip(values, readers, strict=True)]
    try:
        result = eval(source, {**names, **dict(zip(arguments, read, strict=True))})
    except (MisfitError, *NO_VALUE):
        return _NO_VALUE
    return None if result is None else expression.render(result)
