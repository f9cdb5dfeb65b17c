"""What the dialects differ in, and how terms are put together.

`Dialect` lists every question whose answer depends on the engine; `postgres` and `mysql` answer them, each in one file.
What is the same in both stands where it is used: coercion, arithmetic, casts, the compiler. PostgreSQL refuses to mix
types but for untyped literals and numbers; MySQL converts.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from sqlglot import exp

from cdc_agent.errors import ExpressionError
from cdc_agent.expressions.terms import NOTHING, Term, locate, place_of
from cdc_agent.model.values import Kind, Type


@dataclass(slots=True)
class Scope:
    """Names of one compiled function, and the dialect that says what its SQL means."""

    text: str
    dialect: Dialect
    columns: dict[str, Type]
    filled: bool = False
    """Set where no column is NULL."""
    reads: list[str] = field(default_factory=list)
    names: dict[str, Any] = field(default_factory=dict)
    _temporaries: int = 0
    _bound: dict[int, str] = field(default_factory=dict)

    def temporary(self) -> str:
        self._temporaries += 1
        return f"t{self._temporaries}"

    def bind(self, value: Any) -> str:
        """A name for a function or a constant."""
        name = self._bound.get(id(value))
        if name is None:
            name = f"k{len(self.names)}"
            self.names[name] = value
            self._bound[id(value)] = name
        return name

    def constant(self, value: Any, type_: Type, node: exp.Expression, *, untyped: bool = False) -> Term:
        if value is None:
            return Term("None", type_, True, node, None, untyped)
        source = repr(value) if value is True or value is False or type(value) is int else self.bind(value)
        return Term(source, type_, False, node, value, untyped)

    def null(self, node: exp.Expression) -> Term:
        return self.constant(None, NOTHING, node, untyped=True)

    def call(
        self,
        function: Callable[..., Any],
        terms: Sequence[Term],
        type_: Type,
        node: exp.Expression,
        *,
        may_be_null: bool = False,
    ) -> Term:
        """A strict function: NULL when any argument is NULL; with `may_be_null` also when it returns None."""
        if any(term.is_null for term in terms):
            return self.constant(None, type_, node)
        checks: list[str] = []
        arguments = [self._guarded(term, checks) for term in terms]
        call = f"{self.bind(function)}({', '.join(arguments)})"
        term = self._strict(checks, call, type_, node)
        return replace(term, nullable=True) if may_be_null else term

    def operator(self, form: str, terms: Sequence[Term], type_: Type, node: exp.Expression) -> Term:
        """Like `call` for a Python operator: ``{0} + {1}``."""
        if any(term.is_null for term in terms):
            return self.constant(None, type_, node)
        checks: list[str] = []
        arguments = [self._guarded(term, checks) for term in terms]
        return self._strict(checks, f"({form.format(*arguments)})", type_, node)

    def _guarded(self, term: Term, checks: list[str]) -> str:
        if not term.nullable:
            return term.source
        if term.source.isidentifier():
            if (check := f"{term.source} is None") not in checks:
                checks.append(check)
            return term.source
        name = self.temporary()
        checks.append(f"({name} := {term.source}) is None")
        return name

    def _strict(self, checks: list[str], call: str, type_: Type, node: exp.Expression) -> Term:
        if not checks:
            return Term(call, type_, False, node)
        return Term(f"(None if {' or '.join(checks)} else {call})", type_, True, node)

    def error(self, message: str, node: exp.Expression | None = None, hint: str = "") -> ExpressionError:
        """An error that shows where in the expression it is."""
        return ExpressionError(message, hint=hint or None, details=locate(self.text, place_of(node)))


class Dialect(ABC):
    """The SQL of one engine. `MySQL` is that of MariaDB too."""

    name: ClassVar[str]
    """As the configuration and sqlglot spell it."""
    converts: ClassVar[bool]
    """Whether a value is converted to the type that a function or an operator wants, instead of refused."""

    # --- literals and columns

    exponents_are_floats: ClassVar[bool]
    """Of number literals such as 1e3, which are decimals otherwise."""
    quoted_names_are_exact: ClassVar[bool]
    """Whether quotes around a column's name make its case count."""

    def absent(self, node: exp.Expression) -> str:
        """How a piece of SQL is spelled that the parser takes and the engine does not have; '' for all others."""
        return ""

    @abstractmethod
    def integer_literal(self, value: int) -> Type:
        """The type of an integer literal below 2⁶³."""

    @abstractmethod
    def hexadecimal(self, scope: Scope, digits: str, node: exp.Expression) -> Term:
        """``X'1f'``"""

    @abstractmethod
    def column_type(self, type_: Type) -> Type:
        """What expressions take a column for."""

    @abstractmethod
    def reader(self, type_: Type) -> Callable[[bytes], Any]:
        """Canonical text of a column → the Python value that expressions compute with."""

    # --- implicit conversion

    booleans_are_numbers: ClassVar[bool]
    condition_type: ClassVar[Type | None]
    """Of a condition as a result; None: a boolean."""
    keeps_instants: ClassVar[bool]
    """Whether instants are a type of their own in expressions."""
    common_type: ClassVar[Type | None]
    """Of types that have nothing else in common; None: an error."""
    count_type: ClassVar[Type]
    """Of functions that count characters."""
    bytes_hint: ClassVar[str]
    """What to write where bytes are needed as text."""

    @abstractmethod
    def print_bool(self) -> Callable[[bool], str]:
        """What makes a boolean text."""

    @abstractmethod
    def literal_number(self, scope: Scope, term: Term, kind: Kind) -> Term:
        """An untyped literal where a number is needed."""

    def numeric(self, scope: Scope, term: Term) -> Term:
        """A value where a number is wanted, before its kind is looked at."""
        return term

    @abstractmethod
    def as_number(self, scope: Scope, term: Term, kind: Kind) -> Term | None:
        """What is no number where one is needed; None: as both engines do it, or not at all."""

    @abstractmethod
    def condition(self, scope: Scope, term: Term) -> Term | None:
        """What is no boolean as a condition; None: it is none."""

    @abstractmethod
    def decisive(self, parts: Sequence[Term], typed: list[Term]) -> list[Term]:
        """Those of the parts of CASE, COALESCE … whose types make the common one; `typed` are no literals."""

    # --- comparison

    nan_kinds: ClassVar[frozenset[Kind]]
    """Kinds whose NaN equals itself and is greater than all else."""

    @abstractmethod
    def beside_literal(self, scope: Scope, literal: Term, other: Term) -> tuple[Term, Term]:
        """(literal, other) in comparable types; `other` is no text."""

    @abstractmethod
    def mixed(self, scope: Scope, a: Term, b: Term) -> tuple[Term, Term] | None:
        """Terms of kinds that have nothing in common, made comparable; None: they are not."""

    @abstractmethod
    def collation_key(self, type_: Type) -> Callable[[str], str] | None:
        """What is compared of a text; None: the text itself."""

    @abstractmethod
    def search_key(self, type_: Type, *, any_case: bool = False) -> Callable[[str], str] | None:
        """What is searched of a text, with LIKE, INSTR …, or ILIKE (`any_case`); None: the text itself."""

    @abstractmethod
    def collate(self, scope: Scope, term: Term, name: str, node: exp.Expression) -> Term:
        """A text with a collation of its own."""

    # --- arithmetic

    @abstractmethod
    def beside_number(self, scope: Scope, a: Term, b: Term) -> tuple[Term, Term]:
        """Operands of arithmetic, literals among them typed as far as the engine does before it looks at kinds."""

    @abstractmethod
    def integer_type(self, a: Term, b: Term) -> Type:
        """Of the result of integers."""

    @abstractmethod
    def integer_quotient(self, scope: Scope, sign: str, a: Term, b: Term, node: exp.Expression) -> Term:
        """``/``, ``DIV`` or ``%`` of integers."""

    @abstractmethod
    def decimal_quotient(self, scope: Scope, sign: str, a: Term, b: Term, node: exp.Expression) -> Term:
        """The same of decimals."""

    @abstractmethod
    def float_quotient(self, sign: str) -> Callable[[float, float], float | None] | None:
        """The same of floats, where a function does it; it may give NULL."""

    @abstractmethod
    def float_form(self, scope: Scope, form: str) -> str:
        """A form of float arithmetic, with the check that its result needs."""

    @abstractmethod
    def bitwise(self, scope: Scope, sign: str, pair: list[Term], node: exp.Expression) -> Term:
        """``&``, ``|``, ``^``, ``<<`` or ``>>`` of integers."""

    # --- dates and times

    fraction_digits: ClassVar[int]
    """Of a cast to a time that does not say how many."""

    @abstractmethod
    def days(self, scope: Scope, sign: str, a: Term, b: Term, node: exp.Expression) -> Term | None:
        """A date plus or minus what is no interval; None: not in this engine."""

    @abstractmethod
    def moment_operand(self, scope: Scope, term: Term, node: exp.Expression) -> Term:
        """What an interval is added to."""

    @abstractmethod
    def moved_day(self, scope: Scope, day: Term, span: Term, sign: str, node: exp.Expression) -> Term | None:
        """A date plus or minus an interval, where it stays a date."""

    @abstractmethod
    def moved(
        self, scope: Scope, move: Callable[..., Any], moment: Term, span: Term, type_: Type, node: exp.Expression
    ) -> Term:
        """A timestamp plus or minus an interval."""

    @abstractmethod
    def at_zone(self, scope: Scope, moment: Term, zone: Term, node: exp.Expression) -> Term:
        """``AT TIME ZONE``"""

    # --- JSON

    timestamps_in_json: ClassVar[bool]
    """Whether a timestamp inside JSON is its text as it stands elsewhere."""
    text_is_json: ClassVar[bool]
    """Whether operators on JSON take a text."""

    @abstractmethod
    def json_at(
        self, scope: Scope, value: Term, path: Sequence[str | int], *, as_text: bool, type_: Type, node: exp.Expression
    ) -> Term:
        """``->`` and ``->>``"""

    # --- casts

    @abstractmethod
    def to_integer(self, scope: Scope, term: Term, bits: int, unsigned: bool, node: exp.Expression) -> Term:
        """A value that is not NULL, cast."""

    @abstractmethod
    def sized_decimal(self, scope: Scope, number: Term, sizes: list[int], node: exp.Expression) -> Term:
        """A decimal with the precision and scale of its cast."""

    @abstractmethod
    def decimal_of(self, kind: Kind) -> Callable[..., Any]:
        """What casts a float or a text to a decimal."""

    @abstractmethod
    def float_of_text(self) -> Callable[[str], float] | None:
        """What casts a text to a float; None: as it is converted."""

    @abstractmethod
    def text_of_bytes(self) -> Callable[[bytes], str] | None:
        """What casts bytes to text; None: nothing does."""

    @abstractmethod
    def to_bytes(self, scope: Scope, term: Term, node: exp.Expression) -> Term:
        """A text cast to bytes."""

    @abstractmethod
    def text_to_day(self, scope: Scope, term: Term, node: exp.Expression) -> Term:
        """A text cast to a date."""

    @abstractmethod
    def text_to_moment(self, scope: Scope, term: Term, type_: Type, node: exp.Expression) -> Term:
        """A text cast to a timestamp or an instant."""

    @abstractmethod
    def shortened_moment(self, digits: int) -> Callable[[Any], Any]:
        """What leaves so many digits of a second's fraction."""

    @abstractmethod
    def shortened_clock(self, digits: int) -> Callable[[Any], Any]:
        """The same of a time of day."""
