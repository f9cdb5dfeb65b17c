"""What `check` finds on real servers: each hazard under its code, all of them in one run."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from cdc_agent.config.load import load
from cdc_agent.errors import SourceSchemaError
from cdc_agent.preflight.check import check, plain_connection
from cdc_agent.preflight.findings import RULES, Finding, Severity
from cdc_agent.preflight.setup import set_up
from tests.support import servers
from tests.support.servers import Database, Server, ServerSpec
from tests.support.sync import Sync, pipeline, schema

PrivateServer = Callable[..., Server]


def sync(folder: Path, source: Database, target: Database, *tables: str, **options: object) -> Sync:
    """One pipeline from `source` to `target`, tables under their own names."""
    there = pipeline(("one", source), ("other", target), tables, **options)
    return Sync(folder, {"one": source, "other": target}, {"there": there})


def find(sync: Sync) -> list[Finding]:
    found = check(load(sync.write(), {}), [sync.named(name) for name in sync.pipelines])
    assert {finding.code for finding in found} <= set(RULES)
    return found


def codes(found: list[Finding], severity: Severity = Severity.ERROR) -> set[str]:
    return {finding.code for finding in found if finding.severity is severity}


@pytest.fixture
def pair(postgres: Server, mysql: Server) -> tuple[Database, Database]:
    """A PostgreSQL and a MySQL database, both empty."""
    return postgres.create_database("one"), mysql.create_database("other")


def test_a_sound_pair_has_no_errors(pair: tuple[Database, Database], tmp_path: Path) -> None:
    """Two keyed tables of the same shape, servers with the settings of the manual: nothing stands in the way."""
    for database in pair:
        database.run("CREATE TABLE t (id integer PRIMARY KEY, name varchar(20))")
    pair[0].run("ALTER TABLE t ADD COLUMN unmapped integer")
    found = find(sync(tmp_path, *pair, "t"))
    assert codes(found) == set()
    assert "PF052" in codes(found, Severity.INFO)
    assert "PF061" in codes(found, Severity.INFO)


def test_tables_and_columns_that_do_not_fit(pair: tuple[Database, Database], tmp_path: Path) -> None:
    """Missing tables, missing keys, narrow columns and columns without a value are all reported in one run."""
    one, other = pair
    one.run(
        """
        CREATE TABLE no_target (id integer PRIMARY KEY);
        CREATE TABLE no_key (id integer, body text);
        CREATE TABLE fits (id integer PRIMARY KEY, name text);
        CREATE TABLE keyed (code text PRIMARY KEY)
        """
    )
    other.run("CREATE TABLE no_source (id integer PRIMARY KEY)")
    other.run("CREATE TABLE no_key (id integer, body text)")
    other.run(
        "CREATE TABLE fits (id integer PRIMARY KEY, name varchar(5), must integer NOT NULL, mail varchar(9) UNIQUE)"
    )
    other.run("CREATE TABLE keyed (code varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci PRIMARY KEY)")
    found = find(sync(tmp_path, one, other, "no_source", "no_target", "no_key", "fits", "keyed"))
    assert codes(found) == {"PF040", "PF041", "PF043", "PF046"}
    assert {"PF042", "PF045", "PF050"} <= codes(found, Severity.WARNING)
    assert "PF047" in codes(found, Severity.INFO)


def test_keys_that_a_target_holds_equal(postgres: Server, mysql: Server, tmp_path: Path) -> None:
    """A collation that the source does not have is pointed out, whichever the engines; one that both have is not."""
    source, target, text = (
        mysql.create_database("one"),
        mysql.create_database("other"),
        postgres.create_database("text"),
    )
    for database, collation in ((source, "utf8mb4_bin"), (target, "utf8mb4_general_ci")):
        database.run(f"CREATE TABLE t (k varchar(9) COLLATE {collation} PRIMARY KEY)")
        database.run("CREATE TABLE same (k varchar(9) COLLATE utf8mb4_general_ci PRIMARY KEY)")
    text.run(
        """
        CREATE COLLATION anycase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
        CREATE TABLE t (k varchar(9) COLLATE anycase PRIMARY KEY);
        CREATE TABLE same (k varchar(9) PRIMARY KEY)
        """
    )
    for other, by in ((target, "utf8mb4_general_ci"), (text, "anycase")):
        (found,) = [one for one in find(sync(tmp_path, source, other, "t", "same")) if one.code == "PF050"]
        assert found.severity is Severity.WARNING
        assert f"compares by {by}" in found.message
        assert f"{source.name}.t " in found.where


def test_a_filter_that_the_log_does_not_tell_of_old_rows(pair: tuple[Database, Database], tmp_path: Path) -> None:
    """With the default identity a row outside the filter removes the target's row of its key; FULL mends it, and so does a
    filter over the key.
    """
    for database in pair:
        database.run("CREATE TABLE t (id integer PRIMARY KEY, name varchar(20))")
    one = sync(tmp_path, *pair, "t")
    (route,) = one.pipelines["there"]["tables"]
    route["where"] = "name = 'a'"
    (found,) = [finding for finding in find(one) if finding.code == "PF071"]
    assert found.severity is Severity.WARNING
    assert "REPLICA IDENTITY FULL" in found.hint
    route["where"] = "id > 5"
    assert "PF071" not in {finding.code for finding in find(one)}
    route["where"] = "name = 'a'"
    pair[0].run("ALTER TABLE t REPLICA IDENTITY FULL")
    assert "PF071" not in {finding.code for finding in find(one)}


def test_partitions_have_identities_of_their_own(postgres: Server, tmp_path: Path) -> None:
    """REPLICA IDENTITY FULL on the root does not count: the partition without any is named. Nor does a partition's key tell
    rows of the whole table apart.
    """
    one, other = postgres.create_database("one"), postgres.create_database("other")
    one.run(
        """
        CREATE TABLE t (id integer, region text) PARTITION BY LIST (region);
        CREATE TABLE t_eu PARTITION OF t (PRIMARY KEY (id)) FOR VALUES IN ('eu');
        CREATE TABLE t_us PARTITION OF t FOR VALUES IN ('us');
        ALTER TABLE t REPLICA IDENTITY FULL
        """
    )
    other.run("CREATE TABLE t (id integer PRIMARY KEY, region text)")
    found = {finding.code: finding for finding in find(sync(tmp_path, one, other, "t"))}
    assert found["PF043"].severity is Severity.ERROR
    assert 'ALTER TABLE "public"."t_us" REPLICA IDENTITY FULL' in found["PF043"].hint
    assert found["PF070"].severity is Severity.WARNING
    one.run("ALTER TABLE t_us REPLICA IDENTITY FULL; ALTER TABLE t_eu REPLICA IDENTITY FULL")
    assert "PF043" not in codes(find(sync(tmp_path, one, other, "t")))


def test_a_mapping_that_does_not_compile(pair: tuple[Database, Database], tmp_path: Path) -> None:
    """A column that neither table has is an error of the mapping, with the route that it belongs to."""
    for database in pair:
        database.run("CREATE TABLE t (id integer PRIMARY KEY, name varchar(20))")
    one = sync(tmp_path, *pair, "t")
    one.pipelines["there"]["tables"][0]["columns"] = {"id": "id", "name": "no_such_column"}
    found = [finding for finding in find(one) if finding.code == "PF044"]
    assert [finding.severity for finding in found] == [Severity.ERROR]
    assert "no_such_column" in found[0].message


def test_all_bad_expressions_are_found_at_once(pair: tuple[Database, Database], tmp_path: Path) -> None:
    """Three columns and a filter that cannot be: four findings of one run."""
    for database in pair:
        database.run("CREATE TABLE t (id integer PRIMARY KEY, a varchar(20), b varchar(20), c varchar(20))")
    one = sync(tmp_path, *pair, "t")
    route = one.pipelines["there"]["tables"][0]
    route["columns"] = {"id": "id", "a": "no_such", "b": "neither(a)", "c": "a", "nowhere": "a"}
    route["where"] = "missing > 1"
    found = [finding.message for finding in find(one) if finding.code == "PF044"]
    assert [word for word in ("no_such", "neither", "nowhere", "missing") if any(word in text for text in found)] == [
        "no_such",
        "neither",
        "nowhere",
        "missing",
    ]
    assert len(found) == 4


def test_what_changes_after_setup_is_found(postgres: Server, mysql: Server, tmp_path: Path) -> None:
    """A slot or a publication that was dropped, and a replica identity that is none."""
    one, other = postgres.create_database("one"), mysql.create_database("other")
    for database in (one, other):
        database.run("CREATE TABLE t (id integer PRIMARY KEY, name varchar(20))")
    running = sync(tmp_path, one, other, "t")
    try:
        running.setup()
        assert codes(find(running)) == set()
        one.run("ALTER TABLE t REPLICA IDENTITY NOTHING")
        assert codes(find(running)) == {"PF043"}
        one.run("ALTER TABLE t ALTER COLUMN name SET NOT NULL; CREATE UNIQUE INDEX by_name ON t (name)")
        one.run("ALTER TABLE t REPLICA IDENTITY USING INDEX by_name")
        assert codes(find(running)) == {"PF044"}
        one.run("DROP INDEX by_name")
        assert codes(find(running)) == {"PF043"}
        one.run("ALTER TABLE t REPLICA IDENTITY DEFAULT")
        (slot,) = one.run("SELECT slot_name FROM pg_replication_slots WHERE database = %s", (one.name,))[0]
        one.run("SELECT pg_drop_replication_slot(%s)", (slot,))
        assert codes(find(running)) == {"PF015"}
        one.run("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", (slot,))
        one.run("INSERT INTO t VALUES (1, 'x')")
        one.run("SELECT pg_replication_slot_advance(%s, pg_current_wal_lsn())", (slot,))
        assert codes(find(running)) == {"PF015"}
        (publication,) = one.run("SELECT quote_ident(pubname) FROM pg_publication")[0]
        one.run(f"DROP PUBLICATION {publication}")
        assert codes(find(running)) == {"PF015", "PF016"}
    finally:
        running.close()


def test_a_new_table_without_rights_is_found(postgres: Server, any_mysql: Server, tmp_path: Path) -> None:
    """A table that came after the grants: its missing rights are named on either side, and the hints, run, are enough."""
    one, other = postgres.create_database("one"), any_mysql.create_database("other")
    for database in (one, other):
        database.run("CREATE TABLE t (id integer PRIMARY KEY)")
    user = f"some_{uuid.uuid4().hex[:8]}"
    one.run(
        f"CREATE ROLE {user} LOGIN REPLICATION PASSWORD 'some'; GRANT SELECT, INSERT, UPDATE, DELETE ON t TO {user}"
    )
    one.run(f"GRANT TRUNCATE ON t TO {user}; GRANT CREATE ON DATABASE {one.name} TO {user}")
    other.run(f"CREATE USER {user}@'%' IDENTIFIED BY 'some'")
    other.run(f"GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO {user}@'%'")
    other.run(f"GRANT ALL ON `{other.name}`.`t` TO {user}@'%'")
    other.run(f"GRANT SELECT ON `{other.name}`.* TO {user}@'%'")
    running = sync(tmp_path, one, other, "t")
    back = pipeline(("other", other), ("one", one), ["t"])
    running.pipelines = {**running.pipelines, "back": back}
    running.users = {"one": (user, "some"), "other": (user, "some")}
    try:
        assert [finding for finding in find(running) if finding.code == "PF006"] == []
        for database in (one, other):
            database.run("CREATE TABLE u (id integer PRIMARY KEY)")
        running.pipelines = {
            "there": pipeline(("one", one), ("other", other), ["t", "u"]),
            "back": pipeline(("other", other), ("one", one), ["t", "u"]),
        }
        found = [finding for finding in find(running) if finding.code == "PF006"]
        messages = [finding.message for finding in found]
        assert sum("SELECT on public.u" in message for message in messages) == 1
        assert any("SELECT, INSERT, UPDATE, DELETE, TRUNCATE on public.u" in message for message in messages)
        assert any("lacks INSERT, UPDATE, DELETE on the target" in message for message in messages)
        for finding in found:
            if "cannot be checked" not in finding.message:
                (other if "on the target" in finding.message else one).run(finding.hint)
        assert [finding for finding in find(running) if finding.code == "PF006"] == []
    finally:
        one.run(f"DROP OWNED BY {user}; DROP ROLE {user}")
        other.run(f"DROP USER {user}@'%'")


def test_existing_rows_are_not_copied_without_a_word(pair: tuple[Database, Database], tmp_path: Path) -> None:
    """Rows of the source against an empty target: an error of check and of setup, until someone says so."""
    for database in pair:
        database.run("CREATE TABLE t (id integer PRIMARY KEY, name varchar(20))")
        database.run("CREATE TABLE u (id integer PRIMARY KEY)")
    one, other = pair
    one.run("INSERT INTO t VALUES (1, 'old')")
    for source, target in ((one, other), (other, one)):
        running = sync(tmp_path, source, target, "t", "u")
        try:
            if source is other:
                one.run("DELETE FROM t")
                other.run("INSERT INTO u VALUES (3)")
            (found,) = [finding for finding in find(running) if finding.code == "PF064"]
            assert found.severity is Severity.ERROR
            refused = running.command("setup", check=False)
            assert (refused.status, refused.err.partition(":")[0]) == (1, "error CK007")
            assert "error CK001" in running.command("run", "--until-caught-up", check=False).err
            running.command("setup", "--existing-rows", "ignore")
            assert "PF064" not in codes(find(running))
            running.command("setup")
            source.run("INSERT INTO t VALUES (2, 'new')")
            running.catch_up()
            assert (2, "new") in target.run("SELECT * FROM t")
            for database in pair:
                database.run("DELETE FROM t")
        finally:
            running.close()


def test_a_target_with_rows_of_its_own_was_filled(pair: tuple[Database, Database], tmp_path: Path) -> None:
    """Where the target table holds rows, someone has copied them: nothing is said."""
    for database in pair:
        database.run("CREATE TABLE t (id integer PRIMARY KEY)")
        database.run("INSERT INTO t VALUES (1)")
    assert "PF064" not in codes(find(sync(tmp_path, *pair, "t")))


def test_triggers_and_cascades(postgres: Server, mysql: Server, tmp_path: Path) -> None:
    """Triggers on a target, and cascades of MariaDB or MySQL before 9.6 that cannot be derived, are warnings."""
    source, target = mysql.create_database("one"), postgres.create_database("other")
    for database in (source, target):
        database.run("CREATE TABLE parent (id integer PRIMARY KEY)")
        database.run("CREATE TABLE child (id integer PRIMARY KEY, parent integer)")
    source.run("ALTER TABLE child ADD FOREIGN KEY (parent) REFERENCES parent (id) ON DELETE CASCADE")
    target.run(
        """
        CREATE FUNCTION noop() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
        CREATE TRIGGER act BEFORE INSERT ON child FOR EACH ROW EXECUTE FUNCTION noop()
        """
    )
    both = sync(tmp_path, source, target, "parent", "child")
    found = codes(find(both), Severity.WARNING)
    assert "PF049" in found
    assert "PF048" not in found
    unlogged = source.engine == "mariadb" or float(mysql.version) < 9.6
    both.pipelines["there"]["tables"][0]["where"] = "id > 0"
    assert ("PF048" in codes(find(both))) == unlogged
    alone = sync(tmp_path, source, target, "child")
    assert ("PF048" in codes(find(alone))) == unlogged
    alone.pipelines["there"]["tables"][0]["cascades"] = "accept"
    assert "PF048" not in codes(find(alone))
    assert ("PF048" in codes(find(alone), Severity.INFO)) == unlogged


def test_what_becomes_of_the_targets_own_foreign_keys(pair: tuple[Database, Database], tmp_path: Path) -> None:
    """Those that the source does not have leave rows behind where they are suppressed; the others are replicated."""
    for database in pair:
        database.run("CREATE TABLE parent (id integer PRIMARY KEY)")
        database.run(
            "CREATE TABLE child (id integer PRIMARY KEY, parent integer,"
            " FOREIGN KEY (parent) REFERENCES parent (id) ON DELETE CASCADE)"
        )
    pair[1].run(
        "CREATE TABLE own (parent integer, CONSTRAINT own_key FOREIGN KEY (parent) REFERENCES parent (id)"
        " ON DELETE SET NULL)"
    )
    one = sync(tmp_path, *pair, "parent", "child")
    found = [finding for finding in find(one) if finding.code == "PF075"]
    assert sorted((finding.severity, "own_key" in finding.message) for finding in found) == [
        (Severity.INFO, False),
        (Severity.WARNING, True),
    ]
    assert [finding.hint for finding in found if "own_key" in finding.message] == [
        "`triggers: fire` lets it act, and is recommended here"
    ]
    one.pipelines["there"]["triggers"] = "fire"
    found = [finding for finding in find(one) if finding.code == "PF075"]
    assert [finding.severity for finding in found] == [Severity.INFO] * 2


def test_a_mysql_target_without_transactions(pair: tuple[Database, Database], tmp_path: Path) -> None:
    """Rows of a MyISAM table would not commit with the checkpoint."""
    pair[0].run("CREATE TABLE t (id integer PRIMARY KEY)")
    pair[1].run("CREATE TABLE t (id integer PRIMARY KEY) ENGINE=MyISAM")
    assert "PF051" in codes(find(sync(tmp_path, *pair, "t")))


@pytest.mark.parametrize("version", servers.selection().of("mariadb"), ids=str)
def test_system_versioned_sources(postgres: Server, version: ServerSpec, tmp_path: Path) -> None:
    """MariaDB logs history rows as inserts, so such a table is refused before the start; a plain one is not."""
    source, target = servers.server(version).create_database("one"), postgres.create_database("other")
    source.run("CREATE TABLE t (id integer PRIMARY KEY) WITH SYSTEM VERSIONING")
    source.run("CREATE TABLE u (id integer PRIMARY KEY)")
    target.run("CREATE TABLE t (id integer PRIMARY KEY); CREATE TABLE u (id integer PRIMARY KEY)")
    (found,) = [finding for finding in find(sync(tmp_path, source, target, "t", "u")) if finding.code == "PF053"]
    assert f"{source.name}.t " in found.where


def test_what_the_log_does_not_tell_of_partitions(pair: tuple[Database, Database], tmp_path: Path) -> None:
    """PostgreSQL's own limit is said for partitioned tables, and for no others."""
    one, other = pair
    one.run("CREATE TABLE t (id integer PRIMARY KEY) PARTITION BY LIST (id); CREATE TABLE u (id integer PRIMARY KEY)")
    for table in ("t", "u"):
        other.run(f"CREATE TABLE {table} (id integer PRIMARY KEY)")
    (found,) = [finding for finding in find(sync(tmp_path, one, other, "t", "u")) if finding.code == "PF055"]
    assert "public.t " in found.where


LEFT_OUT = {
    "postgres": (
        "CREATE VIEW v AS SELECT 1 AS id; CREATE MATERIALIZED VIEW m AS SELECT 1 AS id; "
        "CREATE UNLOGGED TABLE u (id integer PRIMARY KEY); CREATE FOREIGN DATA WRAPPER w; "
        "CREATE SERVER far FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE f (id integer) SERVER far",
        {"view": "v", "materialized view": "m", "unlogged table": "u", "foreign table": "f"},
    ),
    "mysql": ("CREATE VIEW v AS SELECT 1 AS id", {"view": "v"}),
    "mariadb": (
        "CREATE VIEW v AS SELECT 1 AS id; CREATE SEQUENCE s; "
        "CREATE TABLE h (id integer PRIMARY KEY) WITH SYSTEM VERSIONING",
        {"view": "v", "sequence": "s", "system-versioned table": "h"},
    ),
}


def test_what_is_no_table_with_a_log_is_left_out_by_name(any_server: Server, postgres: Server, tmp_path: Path) -> None:
    """A wildcard takes the rest, and setup goes on; a route that names one is an error that says what it is."""
    source, target = any_server.create_database("one"), postgres.create_database("other")
    ddl, kinds = LEFT_OUT[source.engine]
    for statement in (*ddl.split("; "), "CREATE TABLE t (id integer PRIMARY KEY)"):
        source.run(statement)
    target.run("CREATE TABLE t (id integer PRIMARY KEY)")
    one = sync(tmp_path, source, target, "*")
    found = [finding for finding in find(one) if finding.code == "PF054"]
    told = {(kind, name) for kind, name in kinds.items() for finding in found if f"({kind})" in finding.message}
    assert told == set(kinds.items())
    assert all(f"{schema(source)}.{name}" in " ".join(finding.message for finding in found) for name in kinds.values())
    assert codes(find(one)) == set()
    report = set_up(load(one.write(), {}), [one.named("there")])
    try:
        assert set(report.left_out) == {f"one: {kind} {schema(source)}.{name}" for kind, name in kinds.items()}
    finally:
        one.close()
    named = sync(tmp_path, source, target, "v")
    assert "PF040" in codes(find(named))
    with pytest.raises(SourceSchemaError) as refused:
        set_up(load(named.write(), {}), [named.named("there")])
    assert refused.value.details == (f"{schema(source)}.v is a view",)


def test_unreachable_databases_do_not_hide_the_rest(pair: tuple[Database, Database], tmp_path: Path) -> None:
    """With the target down, the source's findings are still there; the command exits with 3."""
    pair[0].run("CREATE TABLE t (id integer)")
    one = sync(tmp_path, *pair, "t", "missing")
    one.ports = {"other": 1}
    found = find(one)
    assert {"PF001", "PF040"} <= codes(found)
    done = one.command("check", "--json", check=False)
    assert done.status == 3
    assert "PF001" in {finding["code"] for finding in json.loads(done.out)["findings"]}


def test_one_direction_without_the_other(pair: tuple[Database, Database], tmp_path: Path) -> None:
    """A table that flows one way between opposed pipelines is pointed out."""
    for database in pair:
        database.run("CREATE TABLE t (id integer PRIMARY KEY)")
        database.run("CREATE TABLE u (id integer PRIMARY KEY)")
    one = sync(tmp_path, *pair, "t", "u")
    one.pipelines = {**one.pipelines, "back": pipeline(("other", pair[1]), ("one", pair[0]), ["t"])}
    (found,) = [finding for finding in find(one) if finding.code == "PF060"]
    assert f"{schema(pair[0])}.u" in found.message


def test_a_lost_publication_setting(postgres: Server, tmp_path: Path) -> None:
    """A publication that leaves out deletes is an error."""
    one, other = postgres.create_database("one"), postgres.create_database("other")
    for database in (one, other):
        database.run("CREATE TABLE t (id integer PRIMARY KEY)")
    running = sync(tmp_path, one, other, "t")
    try:
        set_up(load(running.write(), {}), [running.named("there")])
        assert codes(find(running)) == set()
        (name,) = one.run("SELECT quote_ident(pubname) FROM pg_publication")[0]
        one.run(f"ALTER PUBLICATION {name} SET (publish = 'insert')")
        assert codes(find(running)) == {"PF016"}
    finally:
        running.close()


def test_a_postgres_that_does_not_log_enough(postgres: Server, private_server: PrivateServer, tmp_path: Path) -> None:
    """wal_level, slots, senders and a hasty timeout are found at once."""
    settings = {
        "wal_level": "replica",
        "max_replication_slots": "0",
        "max_wal_senders": "0",
        "wal_sender_timeout": "5s",
    }
    one = private_server(postgres, settings).create_database("one")
    other = postgres.create_database("other")
    for database in (one, other):
        database.run("CREATE TABLE t (id integer PRIMARY KEY)")
    found = find(sync(tmp_path, one, other, "t"))
    assert codes(found) == {"PF010", "PF011", "PF012"}
    assert {"PF005", "PF013"} <= codes(found, Severity.WARNING)
    assert "PF014" in codes(found, Severity.INFO)


def test_a_mysql_that_does_not_log_enough(
    postgres: Server, any_mysql: Server, private_server: PrivateServer, tmp_path: Path
) -> None:
    """Format, image, metadata, expiry and GTIDs of the binlog are found at once."""
    settings = {
        "binlog_format": "MIXED",
        "binlog_row_image": "MINIMAL",
        "binlog_row_metadata": "MINIMAL",
        "loose_binlog_expire_logs_seconds": "3600",
        "local_infile": "OFF",
    }
    if any_mysql.engine == "mysql":
        settings |= {"gtid_mode": "OFF", "enforce_gtid_consistency": "OFF"}
    server = private_server(any_mysql, settings)
    one, other = server.create_database("one"), postgres.create_database("other")
    for database in (one, other):
        database.run("CREATE TABLE t (id integer PRIMARY KEY)")
    running = sync(tmp_path, one, other, "t")
    running.pipelines = {**running.pipelines, "back": pipeline(("other", other), ("one", one), ["t"])}
    found = find(running)
    assert codes(found) == {"PF021", "PF023"}
    expected = {"PF005", "PF022"} | ({"PF028"} if any_mysql.engine == "mysql" else set())
    expected |= {"PF029"} if any_mysql.engine == "mysql" or any_mysql.spec.order >= (10, 6) else set()
    assert expected <= codes(found, Severity.WARNING)
    assert "PF062" in codes(found, Severity.INFO)


def test_a_mysql_without_a_binlog(
    postgres: Server, any_mysql: Server, private_server: PrivateServer, tmp_path: Path
) -> None:
    """A server that logs nothing is no source."""
    server = private_server(any_mysql, {"skip_log_bin": "1"})
    one, other = server.create_database("one"), postgres.create_database("other")
    for database in (one, other):
        database.run("CREATE TABLE t (id integer PRIMARY KEY)")
    assert "PF020" in codes(find(sync(tmp_path, one, other, "t")))


def test_a_mysql_with_a_peculiar_binlog(
    postgres: Server, any_mysql: Server, private_server: PrivateServer, tmp_path: Path
) -> None:
    """Compression is a note, partial JSON a warning, no server_id an error."""
    settings = {"log_bin_compress": "ON"}
    if any_mysql.engine == "mysql":
        settings = {
            "binlog_transaction_compression": "ON",
            "binlog_row_value_options": "PARTIAL_JSON",
            "server_id": "0",
        }
    server = private_server(any_mysql, settings)
    one, other = server.create_database("one"), postgres.create_database("other")
    for database in (one, other):
        database.run("CREATE TABLE t (id integer PRIMARY KEY)")
    found = find(sync(tmp_path, one, other, "t"))
    assert "PF024" in codes(found, Severity.INFO)
    if any_mysql.engine == "mysql":
        assert "PF025" in codes(found, Severity.WARNING)
        assert "PF026" in codes(found)


def test_replica_ids_that_collide(postgres: Server, any_mysql: Server, tmp_path: Path) -> None:
    """The server's own id, and one id for two pipelines, are errors."""
    one, other = any_mysql.create_database("one"), postgres.create_database("other")
    for database in (one, other):
        database.run("CREATE TABLE t (id integer PRIMARY KEY)")
    running = sync(tmp_path, one, other, "t")
    running.pipelines = {**running.pipelines, "again": running.pipelines["there"]}
    config = load(running.write(), {})
    (own,) = any_mysql.run("SELECT @@server_id")[0]
    clashing = config.databases["one"].model_copy(update={"server_id": own})
    config = config.model_copy(update={"databases": {**config.databases, "one": clashing}})
    found = [finding.message for finding in check(config, list(config.pipelines)) if finding.code == "PF027"]
    assert len(found) == 2


def test_a_binlog_that_is_purged(postgres: Server, any_mysql: Server, tmp_path: Path) -> None:
    """A checkpoint that stands in a file before the oldest one is an error."""
    one, other = any_mysql.create_database("one"), postgres.create_database("other")
    for database in (one, other):
        database.run("CREATE TABLE t (id integer PRIMARY KEY)")
    running = sync(tmp_path, one, other, "t")
    try:
        running.setup()
        assert "PF030" not in codes(find(running))
        other.run("UPDATE cdc_agent.checkpoint SET position = 'binlog:binlog.000000:4'")
        assert "PF030" in codes(find(running))
    finally:
        running.close()


def test_a_slot_of_another_kind(postgres: Server, tmp_path: Path) -> None:
    """A slot of the pipeline's name that is no logical slot of this database is an error."""
    one, other = postgres.create_database("one"), postgres.create_database("other")
    for database in (one, other):
        database.run("CREATE TABLE t (id integer PRIMARY KEY)")
    name = f"physical_{one.name}"[:60]
    one.run("SELECT pg_create_physical_replication_slot(%s)", (name,))
    try:
        assert "PF015" in codes(find(sync(tmp_path, one, other, "t", slot=name)))
    finally:
        one.run("SELECT pg_drop_replication_slot(%s)", (name,))


def test_who_may_not_suppress_triggers_is_told_what_the_version_allows(any_postgres: Server, tmp_path: Path) -> None:
    """From PostgreSQL 15 on the right can be granted, and the hint, run as it is, is enough; before, none can be."""
    one, other = any_postgres.create_database("one"), any_postgres.create_database("other")
    for database in (one, other):
        database.run("CREATE TABLE t (id integer PRIMARY KEY)")
    user = f"poor_{uuid.uuid4().hex[:8]}"
    other.run(f"CREATE ROLE {user} LOGIN PASSWORD 'poor'")
    running = sync(tmp_path, one, other, "t", triggers="suppress")
    running.users = {"other": (user, "poor")}
    try:
        hints = [finding.hint for finding in find(running) if "suppress triggers" in finding.message]
        if int(any_postgres.version) < 15:
            assert hints == ["before PostgreSQL 15 only a superuser may: `triggers: auto` or `fire`"]
            return
        other.run(hints[0])
        assert not any("suppress triggers" in finding.message for finding in find(running))
    finally:
        other.run(f"DROP OWNED BY {user}; DROP ROLE {user}")


def test_rights_that_are_missing(postgres: Server, any_mysql: Server, tmp_path: Path) -> None:
    """A role that may only log in lacks rights on either engine, as source and as target."""
    one, other = postgres.create_database("one"), any_mysql.create_database("other")
    for database in (one, other):
        database.run("CREATE TABLE t (id integer PRIMARY KEY)")
    user = f"poor_{uuid.uuid4().hex[:8]}"
    one.run(f"CREATE ROLE {user} LOGIN PASSWORD 'poor'; GRANT SELECT ON t TO {user}")
    other.run(f"CREATE USER {user}@'%' IDENTIFIED BY 'poor'")
    other.run(f"GRANT SELECT ON `{other.name}`.* TO {user}@'%'")
    running = sync(tmp_path, one, other, "t")
    running.pipelines = {**running.pipelines, "back": pipeline(("other", other), ("one", one), ["t"])}
    running.users = {"one": (user, "poor"), "other": (user, "poor")}
    try:
        missing = [finding.message for finding in find(running) if finding.code == "PF006"]
        assert any("may not replicate" in message for message in missing)
        assert any("schema cdc_agent" in message for message in missing)
        assert any("REPLICATION SLAVE" in message for message in missing)
    finally:
        one.run(f"DROP OWNED BY {user}; DROP ROLE {user}")
        other.run(f"DROP USER {user}@'%'")


def test_plain_connections_to_other_hosts() -> None:
    """Loopback may be plain; another host should have TLS that is verified."""
    from cdc_agent.config.model import Database as Settings

    def severities(url: str, **tls: str) -> list[str]:
        database = Settings.model_validate({"url": url, **({"tls": tls} if tls else {})})
        return [finding.code for finding in plain_connection("db", database)]

    assert severities("mysql://u@127.0.0.1/a") == severities("mysql://u@localhost/a") == []
    assert severities("mysql://u@db-2.internal/a") == ["PF004"]
    assert severities("mysql://u@db-2.internal/a", mode="require") == ["PF004"]
    assert severities("mysql://u@db-2.internal/a", mode="verify-full") == []
