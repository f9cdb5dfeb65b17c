"""Compiled expressions: NULL logic, laziness, errors with their place, and the form as SQL."""

from __future__ import annotations

from itertools import product

import pytest
import sqlglot

from cdc_agent.conversions.convert import MisfitError
from cdc_agent.errors import ExpressionError
from cdc_agent.expressions.expression import (
    Expression,
    UnknownColumnError,
    compile_constant,
    compile_expression,
    compile_filter,
    to_sql,
)
from cdc_agent.expressions.functions import FUNCTIONS, VOLATILE
from cdc_agent.model.values import Kind, Type
from tests.support.expressions import evaluated

TYPES = {
    "id": Type(Kind.INTEGER, "integer", precision=32),
    "Name": Type(Kind.TEXT, "text"),
    "a": Type(Kind.BOOL, "boolean"),
    "b": Type(Kind.BOOL, "boolean"),
    "d": Type(Kind.DATE, "date"),
    "m": Type(Kind.DATE, "date"),
    "by": Type(Kind.BYTES, "bytea"),
    "bits": Type(Kind.BIT, "bit(4)", length=4),
    "low": Type(Kind.TEXT, "varchar(9)", length=9, charset="latin1", collation="latin1_bin"),
    "n": Type(Kind.DECIMAL, "numeric"),
    "e": Type(Kind.ENUM, "enum('low','high')", labels=("low", "high")),
    "odd": Type(Kind.ENUM, "enum('','a')", labels=("", "a")),
    "st": Type(Kind.SET, "set('x','y','z')", labels=("x", "y", "z")),
    "ts": Type(Kind.TIMESTAMP, "datetime(6)", precision=6),
}
TRUTH: dict[str | None, bytes | None] = {"t": b"t", "f": b"f", None: None}


def evaluate(text: str, dialect: str = "postgres", **values: str | None) -> str | None:
    expression = compile_expression(text, TYPES, dialect)
    given = [values.get(name) for name in expression.reads]
    result = evaluated(expression, [None if value is None else value.encode() for value in given])
    return None if result is None else result.decode()


AND = {("t", "t"): "t", ("t", "f"): "f", ("t", None): None, ("f", None): "f", ("f", "f"): "f", (None, None): None}
OR = {("t", "t"): "t", ("t", "f"): "t", ("t", None): "t", ("f", None): None, ("f", "f"): "f", (None, None): None}


@pytest.mark.parametrize(("one", "other"), list(product(TRUTH, TRUTH)))
def test_and_and_or_are_three_valued(one: str | None, other: str | None) -> None:
    """The tables of SQL, in both orders."""
    both = AND[(one, other)] if (one, other) in AND else AND[(other, one)]
    either = OR[(one, other)] if (one, other) in OR else OR[(other, one)]
    assert evaluate("a AND b", a=one, b=other) == both
    assert evaluate("a OR b", a=one, b=other) == either


@pytest.mark.parametrize(
    "text",
    ["id + 1", "id = 1", "id <> 1", "NOT a", "UPPER(\"Name\")", "\"Name\" LIKE '%'", "id BETWEEN 1 AND 2", "-id",
     "id IN (1, 2)", "id NOT IN (1, 2)", "\"Name\" || 'x'", "id::text", "d + 1", "NULLIF(id, 1)", "id * 0"],
)  # fmt: skip
def test_strict_operations_of_null_are_null(text: str) -> None:
    """An operand that is NULL makes the result NULL."""
    assert evaluate(text) is None


def test_in_with_null_is_never_false() -> None:
    """What is not in the list may still equal the NULL in it."""
    assert evaluate("id IN (1, NULL)", id="1") == "t"
    assert evaluate("id IN (1, NULL)", id="2") is None
    assert evaluate("id NOT IN (1, NULL)", id="2") is None


def test_branches_that_are_not_taken_are_not_computed() -> None:
    """CASE, COALESCE, AND and OR stop at what decides."""
    assert evaluate("CASE WHEN id = 0 THEN 0 ELSE 10 / id END", id="0") == "0"
    assert evaluate("COALESCE(id, 1 / 0)", id="3") == "3"
    assert evaluate("id = 0 OR 10 / id > 1", id="0") == "t"
    assert evaluate("id <> 0 AND 10 / id > 1", id="0") == "f"


def test_a_column_alone_passes_its_bytes() -> None:
    """No Python value is made; the type stays the column's."""
    expression = compile_expression('("Name")', TYPES, "postgres")
    assert expression.column == "Name"
    assert expression.type is TYPES["Name"]


def test_columns_are_found_without_their_case() -> None:
    """An unquoted name finds the one column that differs by case alone; a quoted one must be exact."""
    assert compile_expression("name", TYPES, "postgres").column == "Name"
    assert compile_expression("NAME", TYPES, "mysql").column == "Name"
    with pytest.raises(UnknownColumnError):
        compile_expression('"name"', TYPES, "postgres")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("frobnicate(id)", "line 1, column 1:"),
        ("TRIM(nme)", "line 1, column 6:"),
        ("id +", "line 1, column 4:"),
        ("CASE WHEN a\n  THEN nope END", "line 2, column 8:"),
        ("id + NOW()", "line 1, column 6:"),
        ("COUNT(id)", "line 1, column 1:"),
        ("t.id", "line 1, column 1:"),
        ("d > 'no date'", "line 1, column 5:"),
        ("LPAD(id::text)", "line 1, column 1:"),
    ],
)
def test_errors_show_the_place(text: str, place: str) -> None:
    """The error names line and column and draws a caret under them."""
    with pytest.raises(ExpressionError) as error:
        compile_expression(text, TYPES, "postgres", place="column x")
    assert error.value.message.startswith("column x: ")
    assert error.value.details[0] == place
    assert error.value.details[2].strip() == "^"


@pytest.mark.parametrize(
    "text",
    ["", "  ", "id, d", "id AS x", "id x", "(SELECT 1)", "id FROM t", "id; DROP TABLE t", "SUM(id) OVER ()", "*",
     "id = ANY (ARRAY[1])",
     "\"Name\" = id", "id || by", "a + 1", "id LIKE", "CAST(id AS frob)", "$1", "?", ":x", "@x", "EXISTS (SELECT 1)"],
)  # fmt: skip
def test_what_is_no_expression_is_refused(text: str) -> None:
    """One expression over one row, of types that go together."""
    with pytest.raises(ExpressionError):
        compile_expression(text, TYPES, "postgres")


@pytest.mark.parametrize("name", sorted(VOLATILE))
@pytest.mark.parametrize("dialect", ["postgres", "mysql"])
def test_volatile_functions_are_refused(name: str, dialect: str) -> None:
    """A row that is mapped twice must give the same result."""
    with pytest.raises(ExpressionError):
        compile_expression(f"{name}()", TYPES, dialect)


@pytest.mark.parametrize(
    "text", ["CURRENT_DATE", "CURRENT_TIMESTAMP", "LOCALTIMESTAMP", "CURRENT_USER", "CURRENT_TIME"]
)
@pytest.mark.parametrize("dialect", ["postgres", "mysql"])
def test_the_clock_without_parentheses_is_refused(text: str, dialect: str) -> None:
    """The forms without parentheses as well."""
    with pytest.raises(ExpressionError):
        compile_expression(text, TYPES, dialect)


def test_a_function_of_the_other_engine_is_named_as_such() -> None:
    """The hint says whose function it is."""
    with pytest.raises(ExpressionError) as error:
        compile_expression("IFNULL(id, 0)", TYPES, "postgres")
    assert "MySQL" in error.value.advice


@pytest.mark.parametrize(
    "text",
    ["Name ILIKE 'a%'", "Name NOT ILIKE 'a'", "Name ~* 'a'", "id IS DISTINCT FROM 1", "id::char", "Name::text = 'a'",
     "id BETWEEN SYMMETRIC 2 AND 1"],
)  # fmt: skip
def test_what_only_postgresql_has_is_refused_for_mysql(text: str) -> None:
    """The parser takes it; MySQL itself would not."""
    with pytest.raises(ExpressionError):
        compile_expression(text, TYPES, "mysql")


def test_the_number_of_an_enum_is_its_place() -> None:
    """From 1 in the order of the declaration, 0 for what was refused; of a set the sum of its labels' bits."""
    assert [evaluate("e + 0", "mysql", e=label) for label in ("low", "high", "", None)] == ["1", "2", "0", None]
    assert [evaluate("CAST(st AS UNSIGNED)", "mysql", st=text) for text in ("", "z", "x,z")] == ["0", "4", "5"]
    assert evaluate("st + 0", "mysql", st="x,z") == "5"


@pytest.mark.parametrize("text", ["IF(id > 0, e, e) + 0", "odd + 0", "CAST(odd AS UNSIGNED)", "odd = 1"])
def test_an_enum_without_one_number_is_refused(text: str) -> None:
    """Where MySQL and MariaDB differ, and where the empty label and the refused value are one text."""
    with pytest.raises(ExpressionError):
        compile_expression(text, TYPES, "mysql")


def test_or_of_texts_hints_at_concat() -> None:
    """MySQL's || is OR; joining texts with it is not done silently."""
    with pytest.raises(ExpressionError) as error:
        compile_expression("Name || low", TYPES, "mysql")
    assert "CONCAT" in error.value.advice


@pytest.mark.parametrize(
    ("text", "values", "code"),
    [
        ("10 / id", {"id": "0"}, "expression"),
        ('"Name"::int', {"Name": "secret"}, "expression"),
        ("id + 2147483647", {"id": "1"}, "out_of_range"),
        ('SUBSTRING("Name", 1, id)', {"Name": "secret", "id": "-1"}, "expression"),
        ("d + 1", {"d": "9999-12-31"}, "out_of_range"),
        ("EXTRACT(YEAR FROM d)", {"d": "infinity"}, "out_of_range"),
        ('"Name"::date', {"Name": "secret"}, "form"),
    ],
)
def test_values_without_a_result_are_misfits(text: str, values: dict[str, str], code: str) -> None:
    """With a code, and without the value in the reason."""
    with pytest.raises(MisfitError) as error:
        evaluate(text, **values)
    assert error.value.code == code
    assert "secret" not in error.value.reason


def test_dates_that_python_has_not_can_be_compared_and_passed_on() -> None:
    """Infinity, BC and zero dates are usable as long as nothing is computed from them."""
    assert evaluate("COALESCE(d, m)", d="infinity") == "infinity"
    assert evaluate("d > '2024-01-01'", d="infinity") == "t"
    assert evaluate("d < '2024-01-01'", d="0044-03-15 BC") == "t"
    assert evaluate("NULLIF(d, 'infinity')", d="infinity") is None
    assert evaluate("NULLIF(d, '0000-00-00')", "mysql", d="0000-00-00") is None
    assert evaluate("NULLIF(d, '0000-00-00')", "mysql", d="2024-02-29") == "2024-02-29"
    assert evaluate("d < '2024-01-01'", "mysql", d="0000-00-00") == "1"


def test_a_cast_that_mysql_rounds_and_mariadb_cuts_is_a_misfit() -> None:
    """Only a fraction that is kept whole has one meaning on both."""
    assert evaluate("CAST(ts AS DATETIME)", "mysql", ts="2024-01-01 00:00:00") == "2024-01-01 00:00:00"
    assert evaluate("CAST(ts AS DATETIME(1))", "mysql", ts="2024-01-01 00:00:00.5") == "2024-01-01 00:00:00.5"
    with pytest.raises(MisfitError) as error:
        evaluate("CAST(ts AS DATETIME)", "mysql", ts="2024-01-01 00:00:00.5")
    assert error.value.code == "digits"


def test_mysql_conditions_are_integers() -> None:
    """1 and 0; BIT is a number; collations decide what is equal."""
    assert evaluate("Name = 'ANN'", "mysql", Name="ann") == "1"
    assert evaluate("low = 'ANN'", "mysql", low="ann") == "0"
    assert evaluate("bits + 1", "mysql", bits="0101") == "6"
    assert compile_expression("id > 1", TYPES, "mysql").type.kind is Kind.INTEGER


def test_texts_are_hashed_in_their_character_set() -> None:
    """MySQL digests the bytes that the column stores."""
    assert evaluate("LENGTH(low)", "mysql", low="é") == "1"
    assert evaluate("HEX(low)", "mysql", low="é") == "E9"
    assert evaluate("LENGTH(Name)", "mysql", Name="é") == "2"


@pytest.mark.parametrize(("value", "expected"), [(1, "1"), (1.5, "1.5"), (True, "t"), (None, None), (1e20, None)])
def test_constants_of_the_configuration(value: float | bool | None, expected: str | None) -> None:
    """Numbers, booleans and null need no SQL."""
    result = compile_constant(value, "postgres").evaluate([])
    assert result == (expected.encode() if expected is not None else b"100000000000000000000" if value else None)


def test_filters_take_true_alone() -> None:
    """False and NULL are outside; what is no condition is an error."""
    filter_ = compile_filter("id > 1", TYPES, "postgres")
    assert [filter_.truth([value]) for value in (b"2", b"1", None)] == [True, False, False]
    assert compile_filter("id", TYPES, "mysql").truth([b"5"])
    with pytest.raises(ExpressionError):
        compile_filter("id", TYPES, "postgres")


@pytest.mark.parametrize(
    ("text", "dialect", "into", "expected"),
    [
        ("name = 'x' AND id IS NOT NULL", "postgres", "postgres", '"Name" = \'x\' AND "id" IS NOT NULL'),
        ("d > DATE '2024-01-01'", "postgres", "mysql", "`d` > CAST('2024-01-01' AS DATE)"),
        ("Name <=> 'x'", "mysql", "mysql", "`Name` <=> 'x'"),
        ("Name <=> 'x'", "mysql", "postgres", "\"Name\" IS NOT DISTINCT FROM 'x'"),
        ("REPLACE(Name, 'a', 'b')", "mysql", "mysql", "REPLACE(`Name`, 'a', 'b')"),
    ],
)
def test_expressions_can_be_rendered_as_sql(text: str, dialect: str, into: str, expected: str) -> None:
    """For backfill and verify; columns stand quoted under their real names."""
    found = to_sql(compile_expression(text, TYPES, dialect), into)
    assert normal(found, into) == normal(expected, into)


def normal(text: str, dialect: str) -> str:
    return sqlglot.parse_one(f"SELECT {text}", dialect=dialect).sql(dialect)


def test_rendering_loses_nothing_of_an_interval() -> None:
    """An interval of several units stands whole in the source's own SQL."""
    expression = compile_expression("d + INTERVAL '1 day 02:03:04'", TYPES, "postgres")
    assert "02:03:04" in to_sql(expression, "postgres")
    with pytest.raises(ExpressionError):
        to_sql(expression, "mysql")


def test_no_text_of_the_user_is_compiled() -> None:
    """Quotes and code inside literals and names stay values."""
    hostile = {"x') or __import__('os'": Type(Kind.TEXT, "text")}
    expression: Expression = compile_expression(
        "\"x') or __import__('os'\" || '\"\"\" + __import__'", hostile, "postgres"
    )
    assert "import" not in expression.form.source + expression.filled.source
    assert expression.evaluate([b"a"]) == b'a""" + __import__'


def test_the_registry_holds_what_the_mapping_needs() -> None:
    """Every function knows how many arguments it takes."""
    for functions in FUNCTIONS.values():
        for name, function in functions.items():
            assert name == name.upper()
            assert 0 < function.least <= function.most


def test_an_open_parenthesis_is_found_where_the_parser_forgives_it() -> None:
    """TRIM without its closing parenthesis is an error at the parenthesis, not an expression."""
    with pytest.raises(ExpressionError, match="not closed"):
        compile_expression("TRIM(name", {"name": Type(Kind.TEXT, "text")}, "postgres", place="column x")
