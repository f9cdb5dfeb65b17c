"""Literals and columns."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from sqlglot import exp

from cdc_agent.errors import ExpressionError
from cdc_agent.expressions import terms
from cdc_agent.expressions.compiler.base import Compiler, Handlers
from cdc_agent.expressions.dialect import Scope
from cdc_agent.expressions.terms import Term

_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


class UnknownColumnError(ExpressionError):
    """An expression reads a column that the source table does not have."""


def _literal(compiler: Compiler, node: exp.Expression) -> Term:
    text = str(node.this)
    if node.args.get("is_string"):
        return compiler.scope.constant(text, terms.TEXT, node, untyped=True)
    return _number(compiler.scope, text, node)


def _number(scope: Scope, text: str, node: exp.Expression) -> Term:
    if text.isdigit():
        value = int(text)
        if value < 1 << 63:
            return scope.constant(value, scope.dialect.integer_literal(value), node)
        return scope.constant(Decimal(value), terms.DECIMAL, node)
    if "e" in text.lower() and scope.dialect.exponents_are_floats:
        return scope.constant(float(text), terms.FLOAT, node)
    return scope.constant(Decimal(f"{Decimal(text):f}"), terms.DECIMAL, node)


def _boolean(compiler: Compiler, node: exp.Expression) -> Term:
    return compiler.scope.constant(bool(node.this), terms.BOOL, node)


def _null(compiler: Compiler, node: exp.Expression) -> Term:
    return compiler.scope.null(node)


def _national(compiler: Compiler, node: exp.Expression) -> Term:
    return compiler.scope.constant(str(node.this), terms.TEXT, node, untyped=True)


def _escaped(compiler: Compiler, node: exp.Expression) -> Term:
    r"""PostgreSQL's ``E'a\nb'``."""
    raw = str(node.this)
    plain = re.sub(
        r"\\(?:u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{1,2})|(.))",
        lambda m: chr(int(m[1] or m[2], 16)) if m[1] or m[2] else _ESCAPES.get(m[3], m[3]),
        raw,
        flags=re.DOTALL,
    )
    return compiler.scope.constant(plain, terms.TEXT, node, untyped=True)


def _hex(compiler: Compiler, node: exp.Expression) -> Term:
    return compiler.scope.dialect.hexadecimal(compiler.scope, str(node.this), node)


def _adjacent(compiler: Compiler, node: exp.Expression) -> Term:
    """Literals one behind the other."""
    parts = compiler.terms(node.expressions)
    if not all(term.is_constant for term in parts):
        raise compiler.scope.error(f"{node.sql()} is not supported in expressions", node)
    return compiler.scope.constant("".join(term.constant for term in parts), terms.TEXT, node, untyped=True)


def _column(compiler: Compiler, node: exp.Expression) -> Term:
    assert isinstance(node, exp.Column)
    name = _resolve(compiler.scope, node)
    type_ = compiler.scope.dialect.column_type(compiler.scope.columns[name])
    if name not in compiler.scope.reads:
        compiler.scope.reads.append(name)
    return Term(f"c{compiler.scope.reads.index(name)}", type_, not compiler.scope.filled, node)


def _resolve(scope: Scope, node: exp.Column) -> str:
    if node.table:
        raise scope.error(f"{node.sql()}: write the column without its table", node)
    if not isinstance(node.this, exp.Identifier):
        raise scope.error(f"{node.sql()} is not supported in expressions", node)
    name, columns = node.name, scope.columns
    if name in columns:
        return name
    alike = [one for one in columns if one.lower() == name.lower()]
    if len(alike) == 1 and not (scope.dialect.quoted_names_are_exact and node.this.quoted):
        return alike[0]
    hint = f"columns: {', '.join(columns)}" if columns else ""
    found = scope.error(f"no column {name}", node, hint)
    raise UnknownColumnError(found.message, hint=found.advice, details=found.details)


def _inner(compiler: Compiler, node: exp.Expression) -> Term:
    return compiler.term(node.this)


HANDLERS: Final[Handlers] = {
    exp.Literal: _literal,
    exp.Boolean: _boolean,
    exp.Null: _null,
    exp.National: _national,
    exp.ByteString: _escaped,
    exp.HexString: _hex,
    exp.Concat: _adjacent,
    exp.Column: _column,
    exp.Paren: _inner,
}
