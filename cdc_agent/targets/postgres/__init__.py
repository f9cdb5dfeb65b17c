"""The PostgreSQL target.

``target`` is the contract's class; ``writing`` turns steps into statements; ``statements`` is their SQL, a function of
a ``layout`` read from the catalogue; ``encoding`` renders rows as parameters; ``flight`` sends statements together.
"""

from cdc_agent.targets.postgres.target import PostgresTarget

__all__ = ["PostgresTarget"]
