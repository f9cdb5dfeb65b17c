"""SQL expressions of the configuration, compiled once to Python functions over a source row.

In: the text, the source columns with their types, and the source engine's SQL. Out: an `Expression`. Semantics are
those of the source's engine, NULL included; docs/mapping.md lists what can be written. Nothing is evaluated here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final, TypeVar

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError
from sqlglot.tokens import TokenType  # type: ignore[attr-defined, unused-ignore]

from cdc_agent.conversions.base import Code, MisfitError
from cdc_agent.errors import ExpressionError
from cdc_agent.expressions import pyvalues, terms
from cdc_agent.expressions.coercion import truth
from cdc_agent.expressions.compiler import UnknownColumnError, compile_tree
from cdc_agent.expressions.dialect import Dialect, Scope
from cdc_agent.expressions.mysql import MySQL
from cdc_agent.expressions.parsers import PARSERS
from cdc_agent.expressions.postgres import Postgres
from cdc_agent.expressions.terms import PREFIX, Term, locate
from cdc_agent.model.generated import define
from cdc_agent.model.values import Kind, Type

__all__ = [
    "NO_VALUE",
    "Expression",
    "UnknownColumnError",
    "compile_constant",
    "compile_expression",
    "compile_filter",
    "to_sql",
]

_FUNCTION: Final = """\
def compute({parameters}):
    try:
        return {source}
    except ERRORS as error:
        raise failed(error) from None
"""
DIALECTS: Final[dict[str, Dialect]] = {dialect.name: dialect for dialect in (Postgres(), MySQL())}
Result = TypeVar("Result")
NO_VALUE: Final = (ArithmeticError, ValueError, re.error, RecursionError)
"""What an expression's source raises where SQL has an error; `Expression.function` makes a MisfitError of it."""
_OWN_NAMES: Final = re.compile(r"\b([ckt])([0-9]+)\b")


@dataclass(frozen=True, slots=True)
class Form:
    """A compiled expression as Python, over ``c0``, ``c1`` … for its arguments."""

    source: str
    nullable: bool
    """Whether the result may be None."""

    def uses(self, place: int) -> int:
        """How often it names an argument."""
        return sum(found[1] == "c" and int(found[2]) == place for found in _OWN_NAMES.finditer(self.source))


@dataclass(frozen=True, slots=True, eq=False)
class Expression:
    """A compiled expression. `function` takes Python values in the order of `reads`, and returns one or None."""

    text: str
    dialect: str
    tree: exp.Expression
    reads: tuple[str, ...]
    type: Type
    """Of the result, whose canonical text `render` makes."""
    column: str | None
    """The column's name when the expression is nothing but a column: its bytes pass through untouched."""
    form: Form
    """What `function` computes."""
    filled: Form
    """The same for arguments none of which is None."""
    names: Mapping[str, Any]
    """The constants and functions of both."""
    function: Callable[..., Any]
    readers: tuple[Callable[[bytes], Any], ...]
    render: Callable[[Any], bytes]

    def evaluate(self, values: Sequence[bytes | None]) -> bytes | None:
        """Canonical text of the columns in, of the result out. Raises MisfitError when there is no result."""
        result = self.value(values)
        return None if result is None else self.render(result)

    def value(self, values: Sequence[bytes | None]) -> Any:
        """The result as a Python value."""
        read = [None if value is None else reader(value) for value, reader in zip(values, self.readers, strict=True)]
        return self.function(*read)

    def inline(self, form: Form, arguments: Sequence[str], mark: str) -> tuple[str, dict[str, Any]]:
        """One of its forms over other expressions, for a larger function; its own names end in `mark`.

        What it computes may raise `NO_VALUE`.
        """

        def renamed(found: re.Match[str]) -> str:
            return arguments[int(found[2])] if found[1] == "c" else f"{found[0]}{mark}"

        return _OWN_NAMES.sub(renamed, form.source), {f"{name}{mark}": value for name, value in self.names.items()}

    def truth(self, values: Sequence[bytes | None]) -> bool:
        """For a filter: whether the row is taken; NULL takes none."""
        return self.value(values) is True


def compile_expression(text: str, columns: Mapping[str, Type], dialect: str, *, place: str = "") -> Expression:
    """Compile an expression in `dialect` (postgres or mysql). `place` names it in errors.

    Raises ExpressionError with the place inside the text; UnknownColumnError for a column that is not there.
    """
    with_place = _Placed(place)
    tree = with_place(lambda: parse(text, dialect))
    scope = Scope(text, DIALECTS[dialect], dict(columns))
    return with_place(lambda: _compiled(scope, tree, lambda: compile_tree(scope, tree)))


def compile_filter(text: str, columns: Mapping[str, Type], dialect: str) -> Expression:
    """Compile a condition. Raises as `compile_expression` does, and when the text is no condition."""
    with_place = _Placed("where")
    tree = with_place(lambda: parse(text, dialect))
    scope = Scope(text, DIALECTS[dialect], dict(columns))
    return with_place(lambda: _compiled(scope, tree, lambda: truth(scope, compile_tree(scope, tree))))


def compile_constant(value: str | int | float | bool | None, dialect: str) -> Expression:
    """A constant of the configuration that is no text: a number, true, false, null."""
    if value is None:
        text = "NULL"
    elif isinstance(value, bool):
        text = "TRUE" if value else "FALSE"
    else:
        text = f"{Decimal(str(value)):f}"
    return compile_expression(text, {}, dialect)


class _Placed:
    """Puts the name of the place in front of an error's message."""

    def __init__(self, place: str) -> None:
        self._place = place

    def __call__(self, step: Callable[[], Result]) -> Result:
        try:
            return step()
        except ExpressionError as error:
            if not self._place:
                raise
            raise type(error)(
                f"{self._place}: {error.message}", hint=error.advice, details=error.details
            ) from error.__cause__


# --- parsing -----------------------------------------------------------------------------------------------------


def parse(text: str, dialect: str) -> exp.Expression:
    """One expression, nothing before or behind it. Raises ExpressionError."""
    if not text.strip():
        raise ExpressionError("the expression is empty")
    try:
        _require_balance(text, dialect)
        statements = sqlglot.parse(PREFIX + text, dialect=PARSERS[dialect])
    except ParseError as error:
        raise _syntax_error(text, error) from error
    except SqlglotError as error:
        raise ExpressionError("the expression cannot be read", details=[f"in: {text}"]) from error
    statement = statements[0]
    if len(statements) != 1 or not isinstance(statement, exp.Select):
        raise ExpressionError("there must be one expression", details=[f"in: {text}"])
    return _only_projection(text, statement)


def _only_projection(text: str, select: exp.Select) -> exp.Expression:
    others = [name for name, value in select.args.items() if value and name not in ("expressions", "kind", "hint")]
    if others or len(select.expressions) != 1:
        raise ExpressionError("there must be one expression", details=[f"in: {text}"])
    tree: exp.Expression = select.expressions[0]
    if isinstance(tree, exp.Alias):
        raise ExpressionError(
            "the expression goes on behind its end", details=locate(text, terms.place_of(tree.args["alias"]))
        )
    return tree


def _require_balance(text: str, dialect: str) -> None:
    """The parser forgives TRIM a missing parenthesis."""
    open_at: list[int] = []
    for token in sqlglot.tokenize(PREFIX + text, dialect=PARSERS[dialect]):
        if token.token_type is TokenType.L_PAREN:
            open_at.append(token.start)
        elif token.token_type is TokenType.R_PAREN and open_at:
            open_at.pop()
    if open_at:
        raise ExpressionError("a parenthesis is not closed", details=locate(text, open_at[-1]))


def _syntax_error(text: str, error: ParseError) -> ExpressionError:
    first = error.errors[0] if error.errors else {}
    line, column = int(first.get("line") or 1), int(first.get("col") or 1)
    lines = text.split("\n")
    before = sum(len(one) + 1 for one in lines[: line - 1])
    token = len(first.get("highlight") or "")
    start = before + max(column - token - (len(PREFIX) if line == 1 else 0), 0)
    return ExpressionError("the expression is not valid SQL", details=locate(text, start + len(PREFIX)))


# --- making the function -----------------------------------------------------------------------------------------


def _compiled(scope: Scope, tree: exp.Expression, make: Callable[[], Term]) -> Expression:
    term = make()
    scope.filled = True
    filled = make()
    column = _column_of(tree)
    type_ = _result_type(scope, term)
    reads = tuple(scope.reads)
    if column is not None:
        type_ = scope.columns[reads[0]]
    return Expression(
        text=scope.text,
        dialect=scope.dialect.name,
        tree=tree,
        reads=reads,
        type=type_,
        column=reads[0] if column is not None else None,
        form=Form(term.source, term.nullable),
        filled=Form(filled.source, filled.nullable),
        names=scope.names,
        function=_function(scope, term),
        readers=tuple(_reader(scope, name) for name in reads),
        render=pyvalues.renderer(type_),
    )


def _column_of(tree: exp.Expression) -> exp.Column | None:
    while isinstance(tree, exp.Paren):
        tree = tree.this
    return tree if isinstance(tree, exp.Column) else None


def _result_type(scope: Scope, term: Term) -> Type:
    if term.kind is Kind.BOOL:
        return scope.dialect.condition_type or term.type
    if term.kind in (Kind.ENUM, Kind.SET):
        return replace(terms.TEXT, collation=term.type.collation)
    if term.kind is Kind.TEXT:
        return replace(term.type, length=None, fixed=False)
    return term.type


def _reader(scope: Scope, name: str) -> Callable[[bytes], Any]:
    return scope.dialect.reader(scope.columns[name])


def _function(scope: Scope, term: Term) -> Callable[..., Any]:
    parameters = ", ".join(f"c{place}" for place in range(len(scope.reads)))
    namespace: dict[str, Any] = {**scope.names, "ERRORS": NO_VALUE, "failed": _failed}
    text = _FUNCTION.format(parameters=parameters, source=term.source)
    function: Callable[..., Any] = define(text, "<expression>", namespace)["compute"]
    return function


def _failed(error: Exception) -> MisfitError:
    """Without the error's own message, which may hold a value."""
    if isinstance(error, ZeroDivisionError):
        return MisfitError(Code.EXPRESSION, "division by zero")
    if isinstance(error, OverflowError):
        return MisfitError(Code.OUT_OF_RANGE, "a result out of range")
    return MisfitError(Code.EXPRESSION, f"the expression has no value here ({type(error).__name__})")


# --- as SQL ------------------------------------------------------------------------------------------------------


def to_sql(expression: Expression, dialect: str) -> str:
    """The expression as SQL of an engine (postgres or mysql), its columns quoted by their real names.

    For the source's own engine the text means the same there; for the other one functions are translated by sqlglot.
    Raises ExpressionError when the other engine has no such form.
    """
    own = dialect == expression.dialect
    if not own and any(len(span.this.name.split()) > 2 for span in expression.tree.find_all(exp.Interval) if span.this):
        raise ExpressionError(
            f"an interval of several units has no form for {dialect}", details=[f"in: {expression.text}"]
        )
    parser = PARSERS[dialect] if own else expression.dialect
    select = sqlglot.parse_one(PREFIX + expression.text, dialect=parser)
    by_name = {name.lower(): name for name in expression.reads}
    for column in select.find_all(exp.Column):
        exact = column.name if column.name in expression.reads else by_name[column.name.lower()]
        column.set("this", exp.to_identifier(exact, quoted=True))
    try:
        return str(select.expressions[0].sql(dialect=dialect, unsupported_level=sqlglot.ErrorLevel.RAISE))
    except SqlglotError as error:
        raise ExpressionError(f"no form for {dialect}", details=[f"in: {expression.text}"]) from error
