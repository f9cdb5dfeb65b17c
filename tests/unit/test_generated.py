"""Generated functions are compiled once, and when they are needed."""

from __future__ import annotations

from collections.abc import Callable

from cdc_agent.model.generated import define, lazily


def test_one_text_with_two_namespaces_gives_two_functions() -> None:
    """They share their code, not what the text refers to."""
    text = "def double(x):\n    return x * factor\n"
    two, three = (define(text, "<double>", {"factor": factor})["double"] for factor in (2, 3))
    assert [two(5), three(5)] == [10, 15]
    assert two.__code__ is three.__code__


def test_a_lazy_function_is_made_by_its_first_call_and_kept() -> None:
    """Nothing is made for a function that nobody calls."""
    made: list[str] = []

    def make() -> Callable[[int], int]:
        made.append("made")
        return lambda x: x + 1

    lazy = lazily(make)
    assert made == []
    assert [lazy(1), lazy(2)] == [2, 3]
    assert made == ["made"]
