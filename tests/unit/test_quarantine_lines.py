"""Quarantined rows as a person reads them in a terminal of 80 columns."""

from __future__ import annotations

from cdc_agent.cli.quarantine import lines

ROW = {
    "id": 17,
    "quarantined_at": "2026-05-04 10:11:12.345",
    "state": "waiting",
    "source_table": "public.a_table_with_a_rather_long_name",
    "target_table": "crm.a_table_with_a_rather_long_name_of_its_own",
    "operation": "update",
    "column_name": "customer_reference",
    "code": "too_long",
    "reason": "the value is longer than its column, which holds twenty characters and not one more than these",
}


def test_a_row_fits_eighty_columns() -> None:
    """What, where and why, folded; nothing is cut."""
    shown = list(lines(ROW))
    assert max(map(len, shown)) <= 80
    assert shown[0] == "17  2026-05-04 10:11:12  waiting  update"
    assert "not one more than these" in " ".join(line.strip() for line in shown)
    assert not any("row" in line for line in shown[:1])


def test_values_are_shown_whole_with_both_images_and_keys() -> None:
    """The newest image is one of the two where both are kept, and is shown alone where an older program wrote it."""
    images = {"old_key": '{"id": "1"}', "new_key": '{"id": "2"}', "old_row": '{"a": "x"}', "new_row": '{"a": "y"}'}
    shown = [line.strip() for line in lines({**ROW, **images, "row_data": '{"a": "y"}'})]
    assert shown[-4:] == ['old key: {"id": "1"}', 'new key: {"id": "2"}', 'old row: {"a": "x"}', 'new row: {"a": "y"}']
    older = [line.strip() for line in lines({**ROW, "row_data": '{"a": "y"}'})]
    assert older[-1] == 'row data: {"a": "y"}'
