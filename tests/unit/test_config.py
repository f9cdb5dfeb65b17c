"""Reading a configuration: what a good file means, and that a bad one is reported whole, with lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from cdc_agent.config.load import Reading, load, read_text
from cdc_agent.config.model import Config, Engine
from cdc_agent.config.names import publication_name, slot_name
from cdc_agent.errors import ConfigError

GOOD = """\
databases:
  phone:
    url: postgresql://cdc_agent@127.0.0.1:5432/phone
    password: ${env:PHONE_PASSWORD}
  crm:
    url: mysql://cdc_agent@127.0.0.1/crm
pipelines:
  phone-to-crm:
    source: phone
    target: crm
    tables:
      - from: public.contacts
        to: crm.customers
        where: deleted_at IS NULL
        columns:
          id: id
          name: TRIM(full_name)
"""


def problems(text: str, **environment: str) -> list[str]:
    """Every problem as ``line: message``."""
    return [f"{p.line}: {p.message}" for p in read(text, **environment).problems]


def read(text: str, **environment: str) -> Reading:
    return read_text(text, "agent.yaml", environment)


def config(text: str, **environment: str) -> Config:
    reading = read(text, **environment)
    assert reading.problems == ()
    assert reading.config is not None
    return reading.config


def test_a_good_file_becomes_typed_values() -> None:
    """The example of the documentation is read into databases, pipelines and routes."""
    good = config(GOOD, PHONE_PASSWORD="s3cret")
    assert good.databases["phone"].engine is Engine.POSTGRES
    assert good.databases["phone"].secret == "s3cret"
    assert good.databases["crm"].port == 3306
    assert good.pipelines["phone-to-crm"].tables[0].columns == {"id": "id", "name": "TRIM(full_name)"}


def test_a_password_is_never_shown() -> None:
    """Neither the repr nor the dump of a configuration holds the password."""
    good = config(GOOD, PHONE_PASSWORD="s3cret")
    assert "s3cret" not in repr(good)
    assert "s3cret" not in good.model_dump_json()


BAD = """\
databases:
  phone:
    url: postgresql://cdc_agent@127.0.0.1:99999/phone
    pasword: x
  crm:
    url: mysql://cdc_agent@127.0.0.1/crm
    password: ${env:NOT_SET}
    tls: {mode: sometimes}
  crm:
    url: mysql://cdc_agent@127.0.0.1/crm
pipelines:
  first:
    source: crn
    target: crm
    tables:
      - from: public.x
        too: crm.x
      - from: public.*
        to: crm.y
      - {from: public.a, to: crm.a}
      - {from: public.a, to: crm.a}
      - {from: public.b, to: crm.b, columns: {a: [1]}}
  second:
    source: crm
    target: crm
    batch_bytes: tiny
    tables: []
"""


def test_every_mistake_is_reported_at_once_with_its_line() -> None:
    """A file with fourteen different mistakes reports all of them, each on its own line."""
    assert problems(BAD) == [
        "3: databases.phone.url: the URL's host or port cannot be read",
        "4: databases.phone: unknown key 'pasword'",
        "7: environment variable NOT_SET is not set",
        "8: databases.crm.tls.mode: must be 'disable', 'require', 'verify-ca' or 'verify-full'",
        "9: key 'crm' again: line 5 has it already",
        "13: pipeline first: no database 'crn'",
        "16: pipelines.first.tables.1: key 'to' is missing",
        "17: pipelines.first.tables.1: unknown key 'too'",
        "19: `from: public.*` and `to: crm.y` must have the same number of `*`",
        "21: public.a goes to crm.a twice (line 20 as well)",
        "22: pipelines.first.tables.5.columns.a: must be an SQL expression: text, a number, true, false or null",
        "25: pipeline second: source and target are both 'crm'",
        "26: pipelines.second.batch_bytes: must be a valid integer, unable to parse string as an integer",
        "27: pipelines.second.tables: must not be empty",
    ]


def test_the_error_names_the_file_and_hints(tmp_path: Path) -> None:
    """`load` raises one ConfigError whose details are ``file:line: problem`` lines with hints below them."""
    path = tmp_path / "agent.yaml"
    path.write_text(BAD)
    with pytest.raises(ConfigError) as caught:
        load(path, {})
    assert caught.value.message == f"{path} has 14 problems"
    assert f"{path}:4: databases.phone: unknown key 'pasword'" in caught.value.details
    assert "  did you mean 'password'?" in caught.value.details


def test_a_missing_file_is_a_configuration_error(tmp_path: Path) -> None:
    """No file, no traceback."""
    with pytest.raises(ConfigError, match="No such file"):
        load(tmp_path / "absent.yaml")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("databases: [", "1: not valid YAML: expected the node content, but found '<stream end>'"),
        ("", "1: the file must hold `databases:` and `pipelines:`"),
        ("- a", "1: the file must hold `databases:` and `pipelines:`"),
    ],
)
def test_what_is_no_configuration_at_all(text: str, expected: str) -> None:
    """Broken YAML and the wrong kind of document are one clear problem."""
    assert problems(text) == [expected]


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("oracle://h/x", "must start with"),
        ("mysql://h", "must end with the name of one database"),
        ("mysql://h/a?ssl=1", "must not have ?options"),
        ("postgresql://h:0/a", "1 to 65535"),
        ("postgresql://[::1/a", "cannot be read"),
    ],
)
def test_a_url_that_cannot_work_is_refused(url: str, says: str) -> None:
    """Scheme, host, port, database name and options of a URL are checked before anything connects."""
    text = GOOD.replace("mysql://cdc_agent@127.0.0.1/crm", url)
    (problem,) = problems(text, PHONE_PASSWORD="x")
    assert problem.startswith("6: databases.crm.url:")
    assert says in problem


def test_two_names_for_one_database_are_refused() -> None:
    """Echoes are recognised by name, so that a database has one name."""
    text = GOOD.replace("mysql://cdc_agent@127.0.0.1/crm", "postgresql://other@localhost/phone")
    found = problems(text, PHONE_PASSWORD="x")
    assert found == [
        "6: database crm: the same database as 'phone'; echoes are recognised by one name for each",
        "10: pipeline phone-to-crm: 'phone' and 'crm' are the same database",
    ]


def test_two_pipelines_cannot_share_a_slot() -> None:
    """A slot or publication that two pipelines name is reported at the second."""
    second = GOOD[GOOD.index("  phone-to-crm:") :].replace("phone-to-crm", "again")
    text = GOOD.replace("    target: crm\n", "    target: crm\n    slot: s\n    publication: p\n")
    text += second.replace("    target: crm\n", "    target: crm\n    slot: s\n    publication: p\n")
    assert problems(text, PHONE_PASSWORD="x") == [
        "23: pipeline again: slot 's' belongs to pipeline 'phone-to-crm'",
        "24: pipeline again: publication 'p' belongs to pipeline 'phone-to-crm'",
    ]


def test_secrets_come_from_files_and_loose_modes_are_reported(tmp_path: Path) -> None:
    """``${file:…}`` reads the first line's text; a file that others may read gives a warning with the chmod."""
    secret = tmp_path / "phone"
    secret.write_text("s3cret\n")
    secret.chmod(0o644)
    text = GOOD.replace("${env:PHONE_PASSWORD}", f"${{file:{secret}}}")
    loose = read(text)
    assert loose.config is not None
    assert loose.config.databases["phone"].secret == "s3cret"
    assert [(w.line, w.hint) for w in loose.warnings] == [(4, f"chmod 600 {secret}")]
    secret.chmod(0o600)
    assert read(text).warnings == ()
    assert problems(text.replace("/phone}", "/absent}"))[0].startswith("4: cannot read ")


def test_a_password_in_the_file_is_a_warning() -> None:
    """A literal password, and one inside a URL, are reported without being shown."""
    text = GOOD.replace("${env:PHONE_PASSWORD}", "hunter2").replace("mysql://cdc_agent@", "mysql://u:hunter2@")
    warnings = read(text).warnings
    assert [w.line for w in warnings] == [4, 6]
    assert "hunter2" not in str(warnings)


def test_a_literal_dollar_brace_can_be_written() -> None:
    """``$${`` is ``${``; any other reference is a problem."""
    text = GOOD.replace("${env:PHONE_PASSWORD}", "a$${b}")
    assert config(text).databases["phone"].secret == "a${b}"
    assert problems(GOOD.replace("${env:", "${vault:")) == ["4: ${vault:PHONE_PASSWORD} is not a reference"]


def test_slot_names_are_valid_and_distinct() -> None:
    """Names that would fall together after replacing characters get a digest, long ones are cut."""
    settings = config(GOOD, PHONE_PASSWORD="x").pipelines["phone-to-crm"]
    assert slot_name("phone-to-crm", settings) == "cdc_agent_phone_to_crm"
    assert publication_name("phone-to-crm", settings) == "cdc_agent_phone_to_crm"
    names = {slot_name(name, settings) for name in ("a-b", "a_b", "A-b", "a.b", "x" * 63, "x" * 62)}
    assert len(names) == 6
    assert all(len(name) <= 63 and name.replace("_", "").isalnum() and name.islower() for name in names)


def test_yaml_anchors_and_merges_work() -> None:
    """Shared settings may be written once and merged with ``<<``."""
    text = GOOD.replace("    source: phone\n", "    <<: &shared {batch_bytes: 65536}\n    source: phone\n")
    assert config(text, PHONE_PASSWORD="x").pipelines["phone-to-crm"].batch_bytes == 65536


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("    tls: {ca: /no/such/ca.pem}", "7: database crm: cannot read the file /no/such/ca.pem"),
        (
            "    time_zone: Europe/Atlantis",
            "7: databases.crm.time_zone: not a time zone; write a name like UTC or America/Chicago",
        ),
        ("    server_id: 0", "7: databases.crm.server_id: must be greater than or equal to 1"),
    ],
)
def test_what_a_database_cannot_have(line: str, expected: str) -> None:
    """Files that are not there, unknown time zones and impossible replica ids are found before anything connects."""
    url = "    url: mysql://cdc_agent@127.0.0.1/crm\n"
    assert problems(GOOD.replace(url, f"{url}{line}\n"), PHONE_PASSWORD="x") == [expected]


def test_zero_dates_are_a_policy_or_a_date() -> None:
    """A date may be written plainly; anything else than a date or a policy is a problem."""
    text = GOOD.replace("        columns:", "        zero_dates: 1970-01-01\n        columns:")
    assert config(text, PHONE_PASSWORD="x").pipelines["phone-to-crm"].tables[0].zero_dates == "1970-01-01"
    (problem,) = problems(text.replace("1970-01-01", "never"), PHONE_PASSWORD="x")
    assert problem.startswith("15: pipelines.phone-to-crm.tables.1.zero_dates: must be quarantine")


def test_table_names_are_read_as_the_mapping_reads_them() -> None:
    """A name with too many parts is a problem with its line."""
    text = GOOD.replace("to: crm.customers", "to: a.b.c")
    assert problems(text, PHONE_PASSWORD="x") == ["13: `to`: not a table name: 'a.b.c'"]


def test_expressions_are_read_before_anything_connects() -> None:
    """Each expression that is not SQL is a problem with its line, and the place inside its text."""
    text = GOOD.replace("TRIM(full_name)", "CASE WHEN full_name").replace("deleted_at IS NULL", "deleted_at IS (")
    reading = read(text, PHONE_PASSWORD="x")
    found = [(problem.line, problem.message) for problem in reading.problems]
    assert found == [
        (14, "where: a parenthesis is not closed"),
        (17, "column name: the expression is not valid SQL"),
    ]
    assert "CASE WHEN full_name" in reading.problems[1].hint


def test_one_mistake_is_one_problem() -> None:
    """A variable that is not set does not give a second problem for the URL that it left empty."""
    text = GOOD.replace("mysql://cdc_agent@127.0.0.1/crm", "${env:CRM_URL}")
    assert problems(text, PHONE_PASSWORD="x") == ["6: environment variable CRM_URL is not set"]
