"""Compiles one tree: literals, columns, operators, predicates, CASE and casts. Functions are in `functions`.

NULL follows SQL: a strict operation with NULL is NULL, AND and OR are three-valued, and what CASE, COALESCE and the
like do not choose is not computed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from sqlglot import exp

from cdc_agent.errors import ExpressionError
from cdc_agent.expressions import documents, numbers, terms, texts, times
from cdc_agent.expressions.arithmetic import calculate, integer_type
from cdc_agent.expressions.casts import cast
from cdc_agent.expressions.coercion import (
    as_text,
    comparable,
    literal_as,
    name_of,
    text_like,
    to_moment,
    to_number,
    truth,
    unify,
)
from cdc_agent.expressions.functions import FUNCTIONS, VOLATILE
from cdc_agent.expressions.terms import TEXTS, Scope, Term
from cdc_agent.model.values import Kind

_SMALL_LIMIT: Final = 1 << 31
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


class UnknownColumnError(ExpressionError):
    """An expression reads a column that the source table does not have."""


class Compiler:
    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    def term(self, node: exp.Expression) -> Term:
        """Compile a node. Raises ExpressionError for what is not supported."""
        handler = _HANDLERS.get(type(node))
        if handler is None:
            raise self.scope.error(f"{_spelling(node)} is not supported in expressions", node)
        unknown = _unknown_parts(node)
        if unknown:
            raise self.scope.error(f"{_spelling(node)} is not supported in expressions ({unknown})", node)
        term = handler(self, node)
        return self.negated(term, node) if node.args.get("negate") else term

    def condition(self, node: exp.Expression) -> Term:
        return truth(self.scope, self.term(node))

    def terms(self, nodes: Sequence[exp.Expression]) -> list[Term]:
        return [self.term(node) for node in nodes]

    # --- leaves

    def _literal(self, node: exp.Expression) -> Term:
        text = str(node.this)
        if node.args.get("is_string"):
            return self.scope.constant(text, terms.TEXT, node, untyped=True)
        return self._number(text, node)

    def _number(self, text: str, node: exp.Expression) -> Term:
        if text.isdigit():
            value = int(text)
            small = terms.SMALL if value < _SMALL_LIMIT and self.scope.is_postgres else terms.BIG
            if value < 1 << 63:
                return self.scope.constant(value, small, node)
            return self.scope.constant(Decimal(value), terms.DECIMAL, node)
        if "e" in text.lower() and not self.scope.is_postgres:
            return self.scope.constant(float(text), terms.FLOAT, node)
        return self.scope.constant(Decimal(f"{Decimal(text):f}"), terms.DECIMAL, node)

    def _boolean(self, node: exp.Expression) -> Term:
        return self.scope.constant(bool(node.this), terms.BOOL, node)

    def _null(self, node: exp.Expression) -> Term:
        return self.scope.null(node)

    def _national(self, node: exp.Expression) -> Term:
        return self.scope.constant(str(node.this), terms.TEXT, node, untyped=True)

    def _escaped(self, node: exp.Expression) -> Term:
        r"""PostgreSQL's ``E'a\nb'``."""
        raw = str(node.this)
        plain = re.sub(
            r"\\(?:u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{1,2})|(.))",
            lambda m: chr(int(m[1] or m[2], 16)) if m[1] or m[2] else _ESCAPES.get(m[3], m[3]),
            raw,
            flags=re.DOTALL,
        )
        return self.scope.constant(plain, terms.TEXT, node, untyped=True)

    def _hex(self, node: exp.Expression) -> Term:
        if self.scope.is_postgres:
            raise self.scope.error("a bit string is not supported in expressions", node)
        return self.scope.constant(bytes.fromhex(str(node.this)), terms.BYTES, node)

    def _column(self, node: exp.Expression) -> Term:
        assert isinstance(node, exp.Column)
        name = self._resolve(node)
        type_ = self.scope.columns[name]
        if name not in self.scope.reads:
            self.scope.reads.append(name)
        if type_.kind in (Kind.BIT, Kind.YEAR) and not self.scope.is_postgres:
            type_ = terms.UNSIGNED
        return Term(f"c{self.scope.reads.index(name)}", type_, not self.scope.filled, node)

    def _resolve(self, node: exp.Column) -> str:
        if node.table:
            raise self.scope.error(f"{node.sql()}: write the column without its table", node)
        if not isinstance(node.this, exp.Identifier):
            raise self.scope.error(f"{node.sql()} is not supported in expressions", node)
        name, columns = node.name, self.scope.columns
        if name in columns:
            return name
        alike = [one for one in columns if one.lower() == name.lower()]
        if len(alike) == 1 and not (self.scope.is_postgres and node.this.quoted):
            return alike[0]
        hint = f"columns: {', '.join(columns)}" if columns else ""
        found = self.scope.error(f"no column {name}", node, hint)
        raise UnknownColumnError(found.message, hint=found.advice, details=found.details)

    def _inner(self, node: exp.Expression) -> Term:
        return self.term(node.this)

    # --- logic

    def _and(self, node: exp.Expression) -> Term:
        return self.both(self.condition(node.this), self.condition(node.expression), node)

    def _or(self, node: exp.Expression) -> Term:
        return self.either(self.condition(node.this), self.condition(node.expression), node)

    def both(self, a: Term, b: Term, node: exp.Expression) -> Term:
        if not a.nullable and not b.nullable:
            return Term(f"({a.source} and {b.source})", terms.BOOL, False, node)
        one, other = self.scope.temporary(), self.scope.temporary()
        source = (
            f"(False if ({one} := {a.source}) is False else False if ({other} := {b.source}) is False "
            f"else None if {one} is None or {other} is None else True)"
        )
        return Term(source, terms.BOOL, True, node)

    def either(self, a: Term, b: Term, node: exp.Expression) -> Term:
        if not a.nullable and not b.nullable:
            return Term(f"({a.source} or {b.source})", terms.BOOL, False, node)
        one, other = self.scope.temporary(), self.scope.temporary()
        source = (
            f"(True if ({one} := {a.source}) is True else True if ({other} := {b.source}) is True "
            f"else None if {one} is None or {other} is None else False)"
        )
        return Term(source, terms.BOOL, True, node)

    def _xor(self, node: exp.Expression) -> Term:
        pair = [self.condition(node.this), self.condition(node.expression)]
        return self.scope.operator("{0} is not {1}", pair, terms.BOOL, node)

    def _not(self, node: exp.Expression) -> Term:
        return self.negated(self.condition(node.this), node)

    def negated(self, term: Term, node: exp.Expression) -> Term:
        return self.scope.operator("not {0}", [term], terms.BOOL, node)

    # --- comparison

    def _comparison(self, node: exp.Expression) -> Term:
        return self.compare(_OPERATORS[type(node)], self.term(node.this), self.term(node.expression), node)

    def compare(self, operator: str, a: Term, b: Term, node: exp.Expression) -> Term:
        a, b = comparable(self.scope, a, b)
        return self.scope.operator(f"{{0}} {operator} {{1}}", [a, b], terms.BOOL, node)

    def _same(self, node: exp.Expression) -> Term:
        return self.not_distinct(self.term(node.this), self.term(node.expression), node)

    def _distinct(self, node: exp.Expression) -> Term:
        return self.negated(self._same(node), node)

    def not_distinct(self, a: Term, b: Term, node: exp.Expression) -> Term:
        """Equal, or both NULL."""
        a, b = comparable(self.scope, a, b)
        return Term(f"({a.source} == {b.source})", terms.BOOL, False, node)

    def _is(self, node: exp.Expression) -> Term:
        right = node.expression
        if isinstance(right, exp.Null):
            term = self.term(node.this)
            return Term(f"({term.source} is None)", terms.BOOL, False, node)
        if isinstance(right, exp.Boolean):
            term = self.condition(node.this)
            return Term(f"({term.source} is {bool(right.this)})", terms.BOOL, False, node)
        raise self.scope.error(f"IS {right.sql()} is not supported in expressions", node)

    def _between(self, node: exp.Expression) -> Term:
        value, low, high = (self.term(node.args[name]) for name in ("this", "low", "high"))
        inside = self._range(value, low, high, node)
        return self.either(inside, self._range(value, high, low, node), node) if node.args.get("symmetric") else inside

    def _range(self, value: Term, low: Term, high: Term, node: exp.Expression) -> Term:
        return self.both(self.compare(">=", value, low, node), self.compare("<=", value, high, node), node)

    def _in(self, node: exp.Expression) -> Term:
        choices = node.expressions
        if not choices:
            raise self.scope.error("IN needs a list of values here", node)
        value = self.term(node.this)
        listed = self.terms(choices)
        return self._in_set(value, listed, node) or self._in_turn(value, listed, node)

    def _in_set(self, value: Term, listed: list[Term], node: exp.Expression) -> Term | None:
        """All constants of one type: a look-up."""
        if value.is_constant or not all(term.is_constant for term in listed):
            return None
        known = [term for term in listed if not term.is_null]
        pairs = [comparable(self.scope, value, term) for term in known]
        if not pairs or len({(_shape(left), left.kind, right.kind) for left, right in pairs}) != 1:
            return None
        if any(not right.is_constant for _, right in pairs):
            return None
        members = self.scope.bind(frozenset(right.constant for _, right in pairs))
        missing = "None" if len(known) < len(listed) else "False"
        found = self.scope.operator(f"True if {{0}} in {members} else {missing}", [pairs[0][0]], terms.BOOL, node)
        return replace(found, nullable=found.nullable or missing == "None")

    def _in_turn(self, value: Term, listed: list[Term], node: exp.Expression) -> Term:
        result: Term | None = None
        for term in listed:
            equal = self.compare("==", value, term, node)
            result = equal if result is None else self.either(result, equal, node)
        assert result is not None
        return result

    # --- CASE and IF

    def _case(self, node: exp.Expression) -> Term:
        subject = None if node.this is None else self.term(node.this)
        conditions: list[Term] = []
        results: list[Term] = []
        for branch in node.args["ifs"]:
            test = self.term(branch.this)
            conditions.append(truth(self.scope, test) if subject is None else self.compare("==", subject, test, branch))
            results.append(self.term(branch.args["true"]))
        default = node.args.get("default")
        results.append(self.scope.null(node) if default is None else self.term(default))
        return self.choose(conditions, results, node)

    def _if(self, node: exp.Expression) -> Term:
        otherwise = node.args.get("false")
        results = [self.term(node.args["true"]), self.scope.null(node) if otherwise is None else self.term(otherwise)]
        return self.choose([self.condition(node.this)], results, node)

    def choose(self, conditions: list[Term], results: list[Term], node: exp.Expression) -> Term:
        """The result of the first condition that is true, else the last one; only that one is computed."""
        results, type_ = unify(self.scope, results)
        source = results[-1].source
        for condition, result in zip(reversed(conditions), reversed(results[:-1]), strict=True):
            test = f"{condition.source} is True" if condition.nullable else condition.source
            source = f"({result.source} if {test} else {source})"
        return Term(source, type_, any(term.nullable for term in results), node)

    # --- arithmetic

    def _arithmetic(self, node: exp.Expression) -> Term:
        return calculate(self.scope, _SIGNS[type(node)], self.term(node.this), self.term(node.expression), node)

    def _negative(self, node: exp.Expression) -> Term:
        term = self.term(node.this)
        if term.is_constant and type(term.constant) in (int, float):
            return self.scope.constant(-term.constant, term.type, node)
        if term.kind is Kind.INTERVAL:
            return self.scope.call(times.negated, [term], terms.INTERVAL, node)
        if term.kind is Kind.DECIMAL:
            return self.scope.call(numbers.negate, [term], terms.DECIMAL, node)
        kind = Kind.FLOAT if term.kind in TEXTS or term.kind is Kind.FLOAT else Kind.INTEGER
        number = to_number(self.scope, term, kind)
        type_ = replace(number.type, unsigned=False, precision=64) if number.type.unsigned else number.type
        return self.scope.operator("-{0}", [number], type_, node)

    def _power(self, node: exp.Expression) -> Term:
        return FUNCTIONS[self.scope.dialect]["POWER"].build(
            self.scope, [self.term(node.this), self.term(node.expression)], node
        )

    def _bitwise(self, node: exp.Expression) -> Term:
        pair = [to_number(self.scope, self.term(part), Kind.INTEGER) for part in (node.this, node.expression)]
        type_ = integer_type(self.scope, *pair) if self.scope.is_postgres else terms.UNSIGNED
        sign = _BITS[type(node)]
        if not self.scope.is_postgres:
            return self.scope.operator(f"({{0}} {sign} {{1}}) & 0xFFFFFFFFFFFFFFFF", pair, type_, node)
        if sign in ("<<", ">>"):
            raise self.scope.error(f"{sign} is not supported in expressions", node)
        return self.scope.operator(f"{{0}} {sign} {{1}}", pair, type_, node)

    # --- dates and intervals

    def _interval(self, node: exp.Expression) -> Term:
        unit = node.args.get("unit")
        inner = node.this
        if isinstance(inner, exp.Literal):
            text = f"{inner.this} {unit.name}" if unit is not None else str(inner.this)
            span = times.parse_span(text)
            if span is None:
                raise self.scope.error(f"{node.sql()} is no interval", node)
            return self.scope.constant(span, terms.INTERVAL, node)
        size = None if unit is None else times.UNITS.get(unit.name.upper())
        if size is None or inner is None:
            raise self.scope.error(f"{node.sql()} is not supported in expressions", node)
        count = to_number(self.scope, self.term(inner), Kind.INTEGER)
        span_term = self.scope.constant(size, terms.INTERVAL, node)
        return self.scope.call(times.times_span, [span_term, count], terms.INTERVAL, node)

    def _at_zone(self, node: exp.Expression) -> Term:
        moment, zone = self.term(node.this), as_text(self.scope, self.term(node.args["zone"]))
        if not self.scope.is_postgres:
            raise self.scope.error("AT TIME ZONE is not supported for MySQL", node, "use CONVERT_TZ")
        if zone.is_constant and zone.constant is not None and times.zone(zone.constant) is None:
            raise self.scope.error(f"unknown time zone {zone.constant}", node)
        if moment.untyped:
            moment = literal_as(self.scope, moment, terms.INSTANT)
        if moment.kind is Kind.TIMESTAMP:
            return self.scope.call(times.local_to_instant, [moment, zone], terms.INSTANT, node)
        if moment.kind in (Kind.INSTANT, Kind.DATE):
            instant = to_moment(self.scope, moment, terms.INSTANT)
            return self.scope.call(times.instant_to_local, [instant, zone], terms.TIMESTAMP, node)
        raise self.scope.error(f"AT TIME ZONE of a {name_of(moment.kind)}", node)

    def _extract(self, node: exp.Expression) -> Term:
        unit = self.scope.constant(node.this.name.upper(), terms.TEXT, node)
        return FUNCTIONS[self.scope.dialect]["EXTRACT"].build(self.scope, [unit, self.term(node.expression)], node)

    # --- text

    def _join(self, node: exp.Expression) -> Term:
        pair = [self.term(node.this), self.term(node.expression)]
        if any(term.kind is Kind.JSON for term in pair):
            raise self.scope.error("|| of JSON is not supported in expressions", node)
        if all(term.kind is Kind.BYTES for term in pair):
            return self.scope.operator("{0} + {1}", pair, terms.BYTES, node)
        return self.scope.operator("{0} + {1}", [as_text(self.scope, t) for t in pair], text_like(pair), node)

    def _adjacent(self, node: exp.Expression) -> Term:
        """Literals one behind the other."""
        parts = self.terms(node.expressions)
        if not all(term.is_constant for term in parts):
            raise self.scope.error(f"{node.sql()} is not supported in expressions", node)
        return self.scope.constant("".join(term.constant for term in parts), terms.TEXT, node, untyped=True)

    def _like(self, node: exp.Expression, escape: str = "\\") -> Term:
        value, pattern = (as_text(self.scope, self.term(part)) for part in (node.this, node.expression))
        key: Callable[[str], str] | None = texts.lower if isinstance(node, exp.ILike) else None
        if not self.scope.is_postgres:
            key = texts.ignores_case(text_like([value, pattern]))
        if key is not None:
            value, pattern = (self._folded(term, key) for term in (value, pattern))
            escape = key(escape)
        return self._matched(value, pattern, escape, node)

    def _folded(self, term: Term, key: Callable[[str], str]) -> Term:
        if term.is_constant:
            return term if term.is_null else self.scope.constant(key(term.constant), term.type, term.node)
        return self.scope.call(key, [term], term.type, term.node)

    def _matched(self, value: Term, pattern: Term, escape: str, node: exp.Expression) -> Term:
        if pattern.is_constant and not pattern.is_null:
            match = self.scope.bind(_compiled(self.scope, lambda: texts.like_pattern(pattern.constant, escape), node))
            return self.scope.operator(f"{match}.fullmatch({{0}}) is not None", [value], terms.BOOL, node)
        mark = self.scope.constant(escape, terms.TEXT, node)
        return self.scope.call(texts.like, [value, pattern, mark], terms.BOOL, node)

    def _escape(self, node: exp.Expression) -> Term:
        mark = self.term(node.expression).constant
        if not isinstance(node.this, exp.Like | exp.ILike) or not isinstance(mark, str) or len(mark) > 1:
            raise self.scope.error("ESCAPE needs one character", node)
        found = self._like(node.this, mark)
        return self.negated(found, node) if node.this.args.get("negate") else found

    def _regular(self, node: exp.Expression) -> Term:
        flags = "i" if isinstance(node, exp.RegexpILike) else ""
        parts = [self.term(node.this), self.term(node.expression)]
        if flags:
            parts.append(self.scope.constant(flags, terms.TEXT, node))
        return FUNCTIONS[self.scope.dialect]["REGEXP_LIKE"].build(self.scope, parts, node)

    def _collate(self, node: exp.Expression) -> Term:
        term = as_text(self.scope, self.term(node.this))
        if self.scope.is_postgres:
            if node.expression.name not in _BYTE_ORDER:
                raise self.scope.error("texts are compared by code points here", node, 'use COLLATE "C"')
            return term
        return replace(term, type=replace(terms.COLLATED, collation=node.expression.name.lower()))

    def _substring(self, node: exp.Expression) -> Term:
        start, length = node.args.get("start"), node.args.get("length")
        parts = self.terms([part for part in (node.this, start, length) if part is not None])
        if start is None:
            parts.insert(1, self.scope.constant(1, terms.SMALL, node))
        return self._named("SUBSTRING", parts, node)

    def _trim(self, node: exp.Expression) -> Term:
        name = {"LEADING": "LTRIM", "TRAILING": "RTRIM"}.get(str(node.args.get("position") or "").upper(), "BTRIM")
        parts = self.terms([part for part in (node.this, node.args.get("expression")) if part is not None])
        return self._named(name, parts, node)

    def _position(self, node: exp.Expression) -> Term:
        return self._named("POSITION", self.terms([node.args["substr"], node.this]), node)

    def _overlay(self, node: exp.Expression) -> Term:
        parts = [node.args.get(name) for name in ("this", "expression", "from_", "for_")]
        return self._named("OVERLAY", self.terms([part for part in parts if part is not None]), node)

    # --- functions, JSON and casts

    def _function(self, node: exp.Expression) -> Term:
        name = str(node.this).upper()
        if name in VOLATILE:
            raise self._volatile(name, node)
        if name == "TIMESTAMPDIFF" or name == "TIMESTAMPADD":
            unit = self.scope.constant(node.expressions[0].name.upper(), terms.TEXT, node)
            return self._named(name, [unit, *self.terms(node.expressions[1:])], node)
        return self._named(name, self.terms(node.expressions), node)

    def _volatile(self, name: str, node: exp.Expression) -> ExpressionError:
        return self.scope.error(
            f"{name} gives another value at each call", node, "a row that is mapped twice must give the same result"
        )

    def _clock(self, node: exp.Expression) -> Term:
        raise self._volatile(_spelling(node), node)

    def _named(self, name: str, parts: list[Term], node: exp.Expression) -> Term:
        function = FUNCTIONS[self.scope.dialect].get(name)
        if function is None:
            raise self.scope.error(f"unknown function {name}", node, _elsewhere(name, self.scope.dialect))
        if not function.least <= len(parts) <= function.most:
            raise self.scope.error(f"wrong number of arguments: {function.signature}", node)
        return function.build(self.scope, parts, node)

    def _json(self, node: exp.Expression) -> Term:
        """-> and ->>"""
        value = self._document(self.term(node.this))
        as_scalar = isinstance(node, exp.JSONExtractScalar)
        path = self._path(node.expression, node)
        type_ = replace(terms.TEXT, collation="utf8mb4_bin") if as_scalar else terms.JSON
        if self.scope.is_postgres:
            function: Callable[..., Any] = documents.arrow_text if as_scalar else documents.arrow
            step = self.scope.constant(path[0], terms.TEXT, node)
            return self.scope.call(function, [value, step], type_, node, may_be_null=True)
        function = documents.mysql_extract_text if as_scalar else documents.mysql_extract
        return self.scope.call(
            function, [value, self.scope.constant(path, terms.JSON, node)], type_, node, may_be_null=True
        )

    def _document(self, term: Term) -> Term:
        if term.untyped:
            return literal_as(self.scope, term, terms.JSON)
        if term.kind is Kind.JSON or (term.kind is Kind.TEXT and not self.scope.is_postgres):
            return term
        raise self.scope.error(f"a {name_of(term.kind)} is no JSON", term.node, "use CAST")

    def _path(self, node: exp.Expression, whole: exp.Expression) -> tuple[documents.Step, ...]:
        if not isinstance(node, exp.JSONPath):
            raise self.scope.error("a JSON path must be a constant", whole)
        steps: list[documents.Step] = []
        for part in node.expressions:
            if isinstance(part, exp.JSONPathRoot):
                continue
            if isinstance(part, exp.JSONPathKey) and isinstance(part.this, str):
                steps.append(part.this)
            elif isinstance(part, exp.JSONPathSubscript) and (part.this is None or isinstance(part.this, int)):
                steps.append(part.this or 0)
            else:
                raise self.scope.error("only names and indexes are supported in a JSON path", whole)
        return tuple(steps)

    def _json_path(self, node: exp.Expression) -> Term:
        """#> and #>> with a constant path."""
        value = self._document(self.term(node.this))
        path = self.term(node.expression).constant
        if not isinstance(path, str) or not path.startswith("{"):
            raise self.scope.error("the path must be a constant such as '{a,b}'", node)
        steps = tuple(part.strip().strip('"') for part in path.strip("{}").split(",") if part.strip())
        as_scalar = isinstance(node, exp.JSONBExtractScalar)
        function = documents.at_path_text if as_scalar else documents.at_path
        type_ = terms.TEXT if as_scalar else terms.JSON
        return self.scope.call(
            function, [value, self.scope.constant(steps, terms.JSON, node)], type_, node, may_be_null=True
        )

    def _has_key(self, node: exp.Expression) -> Term:
        pair = [self._document(self.term(node.this)), as_text(self.scope, self.term(node.expression))]
        return self.scope.call(documents.has_key, pair, terms.BOOL, node)

    def _contains(self, node: exp.Expression) -> Term:
        pair = [self._document(self.term(part)) for part in (node.this, node.expression)]
        return self.scope.call(documents.contains, pair, terms.BOOL, node)

    def _cast(self, node: exp.Expression) -> Term:
        return cast(self.scope, self.term(node.this), node)


def _shape(term: Term) -> str:
    """A term's source whatever its temporaries are called."""
    return re.sub(r"\bt\d+\b", "t", term.source)


def _unknown_parts(node: exp.Expression) -> str:
    """Parts of a node that no handler looks at: ignoring them would change what the expression means."""
    known = _PARTS.get(type(node), frozenset())
    return ", ".join(sorted(name for name, part in node.args.items() if part and name not in known | _COMMON_PARTS))


def _spelling(node: exp.Expression) -> str:
    text = node.sql()
    return text if len(text) <= 60 else f"{text[:57]}…"


def _compiled(scope: Scope, compile_: Callable[[], re.Pattern[str]], node: exp.Expression) -> re.Pattern[str]:
    from cdc_agent.conversions.base import MisfitError

    try:
        return compile_()
    except MisfitError as error:
        raise scope.error(error.reason, node) from error


def _elsewhere(name: str, dialect: str) -> str:
    other = "mysql" if dialect == "postgres" else "postgres"
    if name in FUNCTIONS[other]:
        return f"it is a function of {'MySQL' if other == 'mysql' else 'PostgreSQL'}; expressions use the source's SQL"
    return "docs/mapping.md lists the functions"


_SIGNS: Final[dict[type[exp.Expression], str]] = {
    exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%", exp.IntDiv: "DIV",
}  # fmt: skip
_BITS: Final[dict[type[exp.Expression], str]] = {
    exp.BitwiseAnd: "&", exp.BitwiseOr: "|", exp.BitwiseXor: "^",
    exp.BitwiseLeftShift: "<<", exp.BitwiseRightShift: ">>",
}  # fmt: skip
_OPERATORS: Final[dict[type[exp.Expression], str]] = {
    exp.EQ: "==", exp.NEQ: "!=", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=",
}  # fmt: skip

_BYTE_ORDER: Final = frozenset({"C", "POSIX", "ucs_basic", "C.utf8"})
_COMMON_PARTS: Final = frozenset({"this", "expression", "expressions", "negate"})
_PARTS: Final[dict[type[exp.Expression], frozenset[str]]] = {
    exp.Literal: frozenset({"is_string"}),
    exp.Column: frozenset({"table", "db", "catalog"}),
    exp.Between: frozenset({"low", "high", "symmetric"}),
    exp.Case: frozenset({"ifs", "default"}),
    exp.If: frozenset({"true", "false"}),
    exp.Div: frozenset({"typed", "safe"}),
    exp.DPipe: frozenset({"safe"}),
    exp.Concat: frozenset({"safe", "coalesce"}),
    exp.Interval: frozenset({"unit"}),
    exp.AtTimeZone: frozenset({"zone"}),
    exp.Substring: frozenset({"start", "length"}),
    exp.Trim: frozenset({"position"}),
    exp.StrPosition: frozenset({"substr"}),
    exp.Overlay: frozenset({"from_", "for_"}),
    exp.JSONExtract: frozenset({"only_json_types"}),
    exp.JSONExtractScalar: frozenset({"only_json_types"}),
    exp.Cast: frozenset({"to"}),
    exp.BitwiseAnd: frozenset({"padside"}),
    exp.HexString: frozenset({"is_integer"}),
}
"""What the handlers look at, or may ignore since the engine that the text is for is known."""

Handler = Callable[[Compiler, exp.Expression], Term]
_C = Compiler
_HANDLERS: Final[dict[type[exp.Expression], Handler]] = {
    exp.Literal: _C._literal,
    exp.Boolean: _C._boolean,
    exp.Null: _C._null,
    exp.National: _C._national,
    exp.ByteString: _C._escaped,
    exp.HexString: _C._hex,
    exp.Column: _C._column,
    exp.Paren: _C._inner,
    exp.And: _C._and,
    exp.Or: _C._or,
    exp.Xor: _C._xor,
    exp.Not: _C._not,
    **dict.fromkeys(_OPERATORS, _C._comparison),
    exp.NullSafeEQ: _C._same,
    exp.NullSafeNEQ: _C._distinct,
    exp.Is: _C._is,
    exp.Between: _C._between,
    exp.In: _C._in,
    exp.Case: _C._case,
    exp.If: _C._if,
    **dict.fromkeys(_SIGNS, _C._arithmetic),
    **dict.fromkeys(_BITS, _C._bitwise),
    exp.Neg: _C._negative,
    exp.Pow: _C._power,
    exp.Interval: _C._interval,
    exp.AtTimeZone: _C._at_zone,
    exp.Extract: _C._extract,
    exp.DPipe: _C._join,
    exp.Concat: _C._adjacent,
    exp.Like: _C._like,
    exp.ILike: _C._like,
    exp.Escape: _C._escape,
    exp.RegexpLike: _C._regular,
    exp.RegexpILike: _C._regular,
    exp.Collate: _C._collate,
    exp.Substring: _C._substring,
    exp.Trim: _C._trim,
    exp.StrPosition: _C._position,
    exp.Overlay: _C._overlay,
    exp.Anonymous: _C._function,
    exp.JSONExtract: _C._json,
    exp.JSONExtractScalar: _C._json,
    exp.JSONBExtract: _C._json_path,
    exp.JSONBExtractScalar: _C._json_path,
    exp.JSONBContainsTopKey: _C._has_key,
    exp.JSONBContains: _C._has_key,
    exp.ArrayContainsAll: _C._contains,
    exp.Cast: _C._cast,
    **dict.fromkeys(
        (exp.CurrentTimestamp, exp.CurrentDate, exp.CurrentTime, exp.CurrentUser, exp.CurrentDatetime), _C._clock
    ),
}
