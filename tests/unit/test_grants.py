"""What `grants` prints, without a server."""

from __future__ import annotations

from cdc_agent.config.load import read_text
from cdc_agent.preflight.grants import grants


def printed(text: str) -> dict[str, list[str]]:
    config = read_text(text, "agent.yaml", {}).config
    assert config is not None
    return grants(config, list(config.pipelines))


def test_a_role_that_two_databases_share_is_made_once() -> None:
    """Two databases of one server: one CREATE ROLE, with the rights of both of its parts."""
    found = printed(
        """
        databases:
          one: {url: "postgresql://agent@h/one"}
          other: {url: "postgresql://agent@h/other"}
        pipelines:
          back: {source: other, target: one, tables: [{from: t, to: t}]}
        """
    )
    made = [line for lines in found.values() for line in lines if line.startswith("CREATE ROLE")]
    assert made == ["CREATE ROLE \"agent\" LOGIN REPLICATION PASSWORD '…'"]


def test_odd_names_are_quoted_and_no_comment_swallows_a_semicolon() -> None:
    """Names go through the dialect's quoting; a statement never ends in a comment."""
    found = printed(
        """
        databases:
          one: {url: "postgresql://a%22gent@h/o%22ne"}
          other: {url: "mysql://a%60gent@h/o%60ther"}
        pipelines:
          there: {source: one, target: other, tables: [{from: '"odd ""name"', to: '`odd ``name`'}]}
          back: {source: other, target: one, tables: [{from: '`odd ``name`', to: '"odd ""name"'}]}
        """
    )
    assert 'GRANT CONNECT, TEMPORARY ON DATABASE "o""ne" TO "a""gent"' in found["one"]
    assert "GRANT SELECT ON `o``ther`.`odd ``name` TO `a``gent`@'%'" in found["other"]
    assert [line for lines in found.values() for line in lines if "--" in line and not line.startswith("-- ")] == []


def test_wildcards_cover_a_schema() -> None:
    """A wildcard asks for the tables of its schema, on either engine."""
    found = printed(
        """
        databases:
          one: {url: "postgresql://agent@h/one"}
          other: {url: "mysql://agent@h/other"}
        pipelines:
          there: {source: one, target: other, tables: [{from: "app.*", to: "other.*", truncate: false}]}
        """
    )
    assert 'GRANT SELECT ON ALL TABLES IN SCHEMA "app" TO "agent"' in found["one"]
    assert 'ALTER DEFAULT PRIVILEGES IN SCHEMA "app" GRANT SELECT ON TABLES TO "agent"' in found["one"]
    assert not any("TABLES IN SCHEMA" in line for line in found["one"] if "PUBLICATION" in line)
    assert "GRANT SELECT, INSERT, UPDATE, DELETE ON `other`.* TO `agent`@'%'" in found["other"]


def test_tables_that_follow_may_be_altered() -> None:
    """Only where the policy asks for it; a route's own policy counts."""
    found = printed(
        """
        databases:
          one: {url: "postgresql://agent@h/one"}
          other: {url: "mysql://agent@h/other"}
        pipelines:
          there: {source: one, target: other, schema_changes: follow, tables: [{from: "*", to: "*"}]}
          back:
            source: other
            target: one
            tables: [{from: a, to: a, schema_changes: follow}, {from: b, to: b}]
        """
    )
    assert "GRANT ALTER, CREATE, INDEX, REFERENCES ON `other`.* TO `agent`@'%'" in found["other"]
    assert [line for line in found["one"] if "OWNER TO" in line and "TABLE" in line] == [
        'ALTER TABLE "public"."a" OWNER TO "agent"'
    ]
