"""The compiler of one tree: it hands each node to the handler of its type.

A handler makes the node's `Term`, and asks the compiler for those of the nodes below.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from sqlglot import exp

from cdc_agent.expressions import terms
from cdc_agent.expressions.coercion import truth
from cdc_agent.expressions.dialect import Scope
from cdc_agent.expressions.terms import Term


class Compiler:
    """Compiles nodes for one scope."""

    def __init__(self, scope: Scope, handlers: Mapping[type[exp.Expression], Handler]) -> None:
        self.scope = scope
        self._handlers = handlers

    def term(self, node: exp.Expression) -> Term:
        """Compile a node. Raises ExpressionError for what is not supported."""
        handler = self._handlers.get(type(node))
        if handler is None:
            raise self.scope.error(f"{spelling(node)} is not supported in expressions", node)
        absent = self.scope.dialect.absent(node)
        if absent:
            raise self.scope.error(f"{absent} is not of the source's SQL", node)
        unknown = _unknown_parts(node)
        if unknown:
            raise self.scope.error(f"{spelling(node)} is not supported in expressions ({unknown})", node)
        term = handler(self, node)
        return negated(self.scope, term, node) if node.args.get("negate") else term

    def condition(self, node: exp.Expression) -> Term:
        return truth(self.scope, self.term(node))

    def terms(self, nodes: Sequence[exp.Expression]) -> list[Term]:
        return [self.term(node) for node in nodes]


Handler: TypeAlias = Callable[[Compiler, exp.Expression], Term]
Handlers: TypeAlias = dict[type[exp.Expression], Handler]


def negated(scope: Scope, term: Term, node: exp.Expression) -> Term:
    return scope.operator("not {0}", [term], terms.BOOL, node)


def spelling(node: exp.Expression) -> str:
    text = node.sql()
    return text if len(text) <= 60 else f"{text[:57]}…"


def _unknown_parts(node: exp.Expression) -> str:
    """Parts of a node that no handler looks at: ignoring them would change what the expression means."""
    known = _PARTS.get(type(node), frozenset())
    return ", ".join(sorted(name for name, part in node.args.items() if part and name not in known | _COMMON_PARTS))


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
