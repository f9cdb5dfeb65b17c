"""The tables on both sides, the routes between them, and what the routes mean, written down by hand.

`MEANINGS` shares nothing with the mapping: each is a filter and a row as plain Python over source values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from cdc_agent.config.model import Config
from cdc_agent.model.changes import Column, Identity, Table
from cdc_agent.model.tables import ForeignKey, TargetColumn, TargetTable
from cdc_agent.model.values import Kind, Row, Type
from tests.support.memory.log import source_table

SOURCE, TARGET, PIPELINE = "phone", "crm", "phone-to-crm"
TITLE_LENGTH = 8
"""More does not fit into `shop.items.title`: the mapping rejects it."""
POISON = b"poison"
"""What a CHECK of the target refuses; the mapping does not know of it."""


@dataclass(frozen=True)
class SourceTable:
    name: str
    columns: tuple[str, ...]
    key: tuple[int, ...]
    text: tuple[int, ...] = ()
    """Columns of text; the others are integers."""
    toasted: int | None = None
    """The column that an update leaves out when it did not change it."""
    nullable: tuple[int, ...] = ()

    @property
    def full_name(self) -> tuple[str, str]:
        return ("app", self.name)


@dataclass(frozen=True)
class Meaning:
    """What a route does to a row, for the model."""

    source: str
    target: str
    row: Callable[[Row], Row]
    takes: Callable[[Row], bool] = lambda row: True
    fits: Callable[[Row], bool] = lambda row: True
    """Whether the mapping accepts the row; asked of those that it takes."""
    reads_together: bool = False
    """Whether one target column is made of several source columns, so that a partial row is read again."""


ITEMS = SourceTable("items", ("id", "name", "note", "grade"), (0,), text=(1, 2), toasted=2)
PEOPLE = SourceTable("people", ("id", "email"), (0,), text=(1,), nullable=(1,))
LEDGER = SourceTable("ledger", ("line", "n"), (), text=(0,), nullable=(1,))
PARENTS = SourceTable("parents", ("id", "name"), (0,), text=(1,))
CHILDREN = SourceTable("children", ("id", "parent_id", "v"), (0,), text=(2,), nullable=(1,))
TAGS = SourceTable("tags", ("parent_id",), ())
GRANDCHILDREN = SourceTable("grandchildren", ("id", "child_id"), (0,), nullable=(1,))
OTHER = SourceTable("other", ("id",), (0,))
SOURCES = {t.name: t for t in (ITEMS, PEOPLE, LEDGER, PARENTS, CHILDREN, TAGS, GRANDCHILDREN, OTHER)}

KEYS = (
    ("children", ForeignKey("of_parent", ("parent_id",), ("app", "parents"), ("id",), "CASCADE", "CASCADE")),
    ("tags", ForeignKey("tag_of", ("parent_id",), ("app", "parents"), ("id",), "CASCADE", "CASCADE")),
    ("grandchildren", ForeignKey("of_child", ("child_id",), ("app", "children"), ("id",), "SET NULL", "CASCADE")),
)
"""The source's foreign keys, with their child tables."""

MEANINGS = (
    Meaning("items", "items", lambda r: r, fits=lambda r: len(r[1]) <= TITLE_LENGTH),
    Meaning(
        "items",
        "top",
        lambda r: (r[0], r[1] + b":" + r[2]),
        takes=lambda r: int(r[3]) > 5,
        reads_together=True,
    ),
    Meaning("people", "people", lambda r: r),
    Meaning("ledger", "ledger", lambda r: r),
    Meaning("parents", "parents", lambda r: r),
    Meaning("children", "children", lambda r: r),
    Meaning("tags", "tags", lambda r: r),
    Meaning("grandchildren", "grandchildren", lambda r: r),
)

ROUTES = (
    {"from": "app.items", "to": "shop.items", "columns": {"id": "id", "title": "name", "remark": "note", "grade": "grade"}},
    {"from": "app.items", "to": "shop.top", "where": "grade > 5", "columns": {"id": "id", "label": "CONCAT(name, ':', note)"}},
    *({"from": f"app.{name}", "to": f"shop.{name}"} for name in ("people", "ledger", "parents", "children", "tags", "grandchildren")),
)  # fmt: skip

SCHEMES = {"postgresql": "postgresql", "mysql": "mysql"}


@cache
def config(source_engine: str, target_engine: str, batch_bytes: int, queue_bytes: int) -> Config:
    made = Config.model_validate(
        {
            "databases": {
                SOURCE: {"url": f"{SCHEMES[source_engine]}://a@localhost/app"},
                TARGET: {"url": f"{SCHEMES[target_engine]}://a@localhost/shop"},
            },
            "pipelines": {
                PIPELINE: {"source": SOURCE, "target": TARGET, "tables": list(ROUTES), "quarantine_limit": 1.0}
            },
        }
    )
    settings = made.pipelines[PIPELINE]
    bounds = {"batch_bytes": batch_bytes, "queue_bytes": queue_bytes}
    return made.model_copy(update={"pipelines": {PIPELINE: settings.model_copy(update=bounds)}})


def _type(engine: str, text: bool, length: int | None = None) -> Type:
    if not text:
        return Type(Kind.INTEGER, "integer" if engine == "postgresql" else "int", precision=32)
    if length is None:
        charset = None if engine == "postgresql" else "utf8mb4"
        return Type(Kind.TEXT, "text", charset=charset)
    native = f"character varying({length})" if engine == "postgresql" else f"varchar({length})"
    return Type(Kind.TEXT, native, length=length, charset=None if engine == "postgresql" else "utf8mb4")


@cache
def source_tables(engine: str, identity: Identity, direct: bool, version: int = 0) -> dict[str, Table]:
    """The tables as the log describes them. Another `version` is another object, with the same columns."""
    return {
        one.name: source_table(
            one.full_name,
            [Column(c, _type(engine, i in one.text), nullable=i in one.nullable) for i, c in enumerate(one.columns)],
            one.key,
            identity if one.key else Identity.FULL,
            direct=direct,
        )
        for one in SOURCES.values()
    }


@cache
def target_tables(engine: str, actions: bool) -> tuple[TargetTable, ...]:
    """The tables of the target; their foreign keys act as the source's do, or not at all."""

    def table(name: str, columns: Sequence[tuple[str, Type, bool]], key: Sequence[str], **more: object) -> TargetTable:
        made = tuple(TargetColumn(n, t, nullable=null, has_default=False) for n, t, null in columns)
        return TargetTable("shop", name, made, tuple(key), **more)  # type: ignore[arg-type]

    number, text, title = _type(engine, False), _type(engine, True), _type(engine, True, TITLE_LENGTH)
    keys = {
        child: tuple(
            ForeignKey(k.name, k.columns, ("shop", k.references[1]), k.referenced_columns, k.on_delete, k.on_update)
            for name, k in KEYS
            if name == child and actions
        )
        for child, _ in KEYS
    }
    return (
        table(
            "items",
            [("id", number, False), ("title", title, False), ("remark", text, False), ("grade", number, False)],
            ["id"],
        ),
        table("top", [("id", number, False), ("label", text, False)], ["id"]),
        table("people", [("id", number, False), ("email", text, True)], ["id"], unique_keys=(("email",),)),
        table("ledger", [("line", text, False), ("n", number, True)], []),
        table("parents", [("id", number, False), ("name", text, False)], ["id"]),
        table(
            "children",
            [("id", number, False), ("parent_id", number, True), ("v", text, False)],
            ["id"],
            foreign_keys=keys["children"],
        ),
        table("tags", [("parent_id", number, False)], [], foreign_keys=keys["tags"]),
        table(
            "grandchildren",
            [("id", number, False), ("child_id", number, True)],
            ["id"],
            foreign_keys=keys["grandchildren"],
        ),
    )
