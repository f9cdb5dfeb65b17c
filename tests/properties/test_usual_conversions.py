"""What generated plans write for most values is what the conversion itself gives for them."""

from __future__ import annotations

import itertools
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdc_agent.conversions.base import Way
from cdc_agent.conversions.convert import Context, ImpossibleError, conversion
from cdc_agent.conversions.type_table import MYSQL_TYPES, POSTGRES_TYPES
from cdc_agent.model.values import Kind, Type

ENGINES: Final = {"postgresql": POSTGRES_TYPES, "mysql": MYSQL_TYPES}

digits = st.integers(-(1 << 65), 1 << 65).map(lambda n: b"%d" % n)
small = st.integers(-300, 300).map(lambda n: b"%d" % n)
special = st.sampled_from([b"NaN", b"Infinity", b"-Infinity"])
decimals = st.decimals(allow_nan=False, allow_infinity=False, places=2).map(lambda d: f"{d:f}".encode())
floats = st.floats(allow_nan=False, allow_infinity=False).map(lambda f: repr(f).encode())
days = st.one_of(
    st.dates().map(lambda day: day.isoformat().encode()),
    st.sampled_from(
        [b"0000-00-00", b"2024-00-15", b"2024-05-00", b"0000-01-01", b"0044-03-15 BC", b"12024-01-01", b"infinity"]
    ),
)
stamps = st.one_of(
    st.datetimes().map(lambda moment: moment.isoformat(" ").encode()),
    st.sampled_from(
        [b"0000-00-00 00:00:00", b"2024-00-15 10:00:00.5", b"0044-03-15 10:00:00 BC", b"infinity", b"-infinity",
         b"1970-01-01 00:00:00", b"2038-01-19 03:14:07", b"2038-01-19 03:14:08", b"12024-01-01 00:00:00"]
    ),
)  # fmt: skip
instants = stamps.map(
    lambda text: text if b"infinity" in text else text[:-3] + b"+00 BC" if text.endswith(b" BC") else text + b"+00"
)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=80).map(str.encode) | st.just(b"a\0b")

VALUES: Final = {
    Kind.BOOL: st.sampled_from([b"t", b"f"]),
    Kind.INTEGER: small | digits,
    Kind.YEAR: st.integers(0, 2155).map(lambda n: b"%d" % n),
    Kind.DECIMAL: decimals | small | special,
    Kind.FLOAT: floats | small | special,
    Kind.DATE: days,
    Kind.TIMESTAMP: stamps,
    Kind.INSTANT: instants,
    Kind.TEXT: texts | small | days,
}


def ways() -> list[tuple[str, Type, Way]]:
    found: list[tuple[str, Type, Way]] = []
    for source_engine, target_engine in itertools.product(ENGINES, ENGINES):
        context = Context(engine=target_engine, source_engine=source_engine)
        for source, target in itertools.product(ENGINES[source_engine], ENGINES[target_engine]):
            if source.kind not in VALUES:
                continue
            try:
                way = conversion(source, target, context)
            except ImpossibleError:
                continue
            if way.usual is not None:
                name = f"{source_engine} {source.native} -> {target_engine} {target.native}"
                found.append((name, source, way))
    return found


@pytest.mark.parametrize(("name", "source", "way"), ways(), ids=lambda value: value if isinstance(value, str) else "")
@given(data=st.data())
def test_the_usual_form_agrees_with_the_conversion(name: str, source: Type, way: Way, data: st.DataObject) -> None:
    """Where `when` holds, the conversion refuses nothing and returns what `gives` says."""
    value = data.draw(VALUES[source.kind])
    assert way.usual is not None
    assert way.convert is not None
    when, gives = (eval(form.replace("{v}", "v"), {"v": value}) for form in (way.usual.when, way.usual.gives))
    if when:
        assert gives == way.convert(value)


def test_conversions_without_a_usual_form_are_not_the_frequent_ones() -> None:
    """Text, dates, timestamps, booleans between the engines are written in line."""
    assert len(ways()) > 100
