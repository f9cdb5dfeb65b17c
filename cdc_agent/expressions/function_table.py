"""The list of functions in docs/mapping.md, written from the registry.

``python -m cdc_agent.expressions.function_table`` prints it. Nothing here is used while the agent runs.
"""

from __future__ import annotations

import sys
from typing import Final

from cdc_agent.expressions.functions import FUNCTIONS, VOLATILE

START: Final = "<!-- functions: written by python -m cdc_agent.expressions.function_table -->\n"
END: Final = "<!-- end of functions -->\n"


def document() -> str:
    """The functions of each engine, and those that are refused."""
    return "\n".join(
        [
            "### Functions of a PostgreSQL source\n",
            _listed("postgres"),
            "\n### Functions of a MySQL or MariaDB source\n",
            _listed("mysql"),
            "\n### Refused\n",
            "These give another result at each call, or depend on the session and not on the row:\n",
            ", ".join(f"`{name}`" for name in sorted(VOLATILE)) + "\n",
        ]
    )


def _listed(dialect: str) -> str:
    return "\n".join(f"- `{function.signature}`" for _, function in sorted(FUNCTIONS[dialect].items()))


if __name__ == "__main__":
    sys.stdout.write(document())
