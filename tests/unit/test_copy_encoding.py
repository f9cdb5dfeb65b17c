"""Rows as COPY text and array literals: the forms that PostgreSQL's documentation gives, character by character."""

from __future__ import annotations

import pytest

from cdc_agent.errors import RowRefused
from cdc_agent.targets.postgres.encoding import array_text, bytes_of, column_arrays, copy_chunks, copy_text


def test_plain_rows_are_joined() -> None:
    """Tabs between columns, a newline after every row."""
    assert copy_text([(b"1", b"a"), (b"2", b"b c")]) == b"1\ta\n2\tb c\n"


def test_null_is_told_from_its_own_text_in_copy() -> None:
    r"""NULL is \N, and the two characters \N are escaped."""
    assert copy_text([(b"1", None), (b"2", b"\\N")]) == b"1\t\\N\n2\t\\\\N\n"


def test_separators_in_values_are_escaped_in_copy() -> None:
    """What would end a column or a row is written with a backslash."""
    assert copy_text([(b"a\tb", b"c\nd\r"), (None, b"")]) == b"a\\tb\tc\\nd\\r\n\\N\t\n"


def test_bytes_double_their_backslash_in_copy() -> None:
    """Canonical bytes begin with a backslash, which COPY would read as an escape."""
    assert copy_text([(b"\\x00ff",)]) == b"\\\\x00ff\n"


def test_a_row_of_one_null_or_empty_text_is_a_line() -> None:
    """Rows of a single column are not lost."""
    assert copy_text([(None,), (b"",)]) == b"\\N\n\n"


def test_no_rows_are_no_text() -> None:
    """Nothing in, nothing out."""
    assert copy_text([]) == b""


@pytest.mark.parametrize("row", [(b"a\0b", b"x"), (b"\\", b"\0N"), (b"\0", b"\t")])
def test_nul_is_refused_in_copy(row: tuple[bytes, ...]) -> None:
    """A NUL byte never reaches the stream, whatever stands beside it."""
    with pytest.raises(RowRefused):
        copy_text([(b"1", b"2"), row])


def test_array_elements_are_quoted_and_null_is_not() -> None:
    """The word NULL as a text is quoted, so that it is told from NULL."""
    assert array_text([b"a", None, b"NULL", b""]) == b'{"a",NULL,"NULL",""}'


def test_quotes_and_backslashes_are_escaped_in_arrays() -> None:
    """Both characters with a meaning inside quotes are escaped; commas and braces need nothing."""
    assert array_text([b'a"b', b"\\x00", b"{,}"]) == b'{"a\\"b","\\\\x00","{,}"}'


@pytest.mark.parametrize("values", [[b"\0"], [b"a", b"\0N"], [None, b"\0C"]])
def test_nul_is_refused_in_arrays(values: list[bytes | None]) -> None:
    """A NUL byte is refused, also when it looks like one of the encoder's own marks."""
    with pytest.raises(RowRefused):
        array_text(values)


def test_columns_become_arrays() -> None:
    """Each column of the rows is one array."""
    assert column_arrays([(b"1", None), (b"2", b"b")]) == [b'{"1","2"}', b'{NULL,"b"}']


def test_chunks_hold_whole_rows_and_their_sum_is_the_text():
    """Wide rows come in many chunks, of which only those that need it are escaped."""
    rows = [(b"%d" % i, None if i % 7 == 0 else b"x" * 9000, b"tab\t" if i == 40 else b"") for i in range(50)]
    chunks = list(copy_chunks(rows))
    assert len(chunks) > 5
    assert all(chunk.endswith(b"\n") for chunk in chunks)
    lines = b"".join(chunks).splitlines()
    assert lines == [
        b"%d\t%b\t%b" % (i, b"\\N" if i % 7 == 0 else b"x" * 9000, b"tab\\t" if i == 40 else b"") for i in range(50)
    ]


def test_bytes_of_rows_are_judged_by_a_few_of_them():
    """The estimate is exact for rows alike, and NULL has no bytes."""
    assert bytes_of([]) == 0
    assert bytes_of([(b"12", None, b"abc")] * 1000) == 5000
    assert bytes_of([(b"x" * 70, None)]) == 70
