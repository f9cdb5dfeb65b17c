"""Generated functions: text in, what it defines out, compiled when it is first needed and once for each text.

Tables of one shape give the same text, so that a thousand of them are compiled as fast as one. Never sees a value: what
differs between them reaches the text through its namespace.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import CodeType
from typing import Any, Final, ParamSpec, TypeVar

TEXTS: Final = 512
"""Texts whose code is kept."""

_P = ParamSpec("_P")
_R = TypeVar("_R")


def define(text: str, title: str, names: dict[str, Any]) -> dict[str, Any]:
    """Run the agent's own `text`, which is called `title` in tracebacks; `names` with what it has defined."""
    exec(_code(text, title), names)  # noqa: S102 -- our own text: names and labels of columns reach it as values
    return names


@functools.lru_cache(TEXTS)
def _code(text: str, title: str) -> CodeType:
    return compile(text, title, "exec")


def lazily(make: Callable[[], Callable[_P, _R]]) -> Callable[_P, _R]:
    """The function that `make` makes, made when it is first called. Two threads may make it twice."""
    made: Callable[_P, _R] | None = None

    def call(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        nonlocal made
        if made is None:
            made = make()
        return made(*args, **kwargs)

    return call
