"""The functions that expressions may call; importing this registers them all."""

from cdc_agent.expressions.functions import choice, digest, document, moment, number, pattern, search, text
from cdc_agent.expressions.functions.registry import FUNCTIONS, VOLATILE, Function

__all__ = [
    "FUNCTIONS",
    "VOLATILE",
    "Function",
    "choice",
    "digest",
    "document",
    "moment",
    "number",
    "pattern",
    "search",
    "text",
]
