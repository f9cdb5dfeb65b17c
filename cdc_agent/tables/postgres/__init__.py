"""PostgreSQL: tables read in the text that pgoutput sends."""

from cdc_agent.tables.postgres.reader import PostgresTables

__all__ = ["PostgresTables"]
