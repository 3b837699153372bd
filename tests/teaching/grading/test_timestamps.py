"""`timestamp.txt`: one format with a time zone; everything else is named."""

import datetime

import pytest

from cifarlab.teaching.grading.timestamps import format_timestamp, parse_timestamp

NOON = datetime.datetime(2026, 11, 30, 12, 0)


@pytest.mark.parametrize(
    "text",
    [
        b"2026-11-30 13:00:00 +0100",
        b"2026-11-30 13:00:00 +01:00",
        b"2026-11-30 13:00:00+01:00",
        b"2026-11-30T13:00:00+01:00",
        b"2026-11-30 04:00:00 -0800",
        b"2026-11-30 12:00:00 UTC",
        b"2026-11-30T12:00:00Z",
        b"2026-11-30 12:00:00.000000 UTC",  # as `nbgrader collect` writes it
        b"2026-11-30 04:00:00.000000 America/Los_Angeles",
        b"2026-11-30 13:00:00 Europe/Berlin",
        b"2026-11-30 13:00 Europe/Berlin",
        b"  2026-11-30 12:00:00 UTC\r\n",
        b"\xef\xbb\xbf2026-11-30 12:00:00 UTC",
        "2026-11-30 12:00:00 UTC".encode("utf-16"),
    ],
)
def test_a_time_with_a_time_zone_is_read(text):
    assert parse_timestamp(text) == NOON


def test_daylight_saving_time_is_that_of_the_day():
    assert parse_timestamp(b"2026-07-01 14:00:00 Europe/Berlin") == datetime.datetime(2026, 7, 1, 12, 0)


@pytest.mark.parametrize(
    "text",
    [
        b"yesterday",
        b"30.11.2026 13:00",
        b"11/30/2026 1:00 PM",
        b"2026-11-30 13:00:00",  # without a time zone, as `nbgrader zip_collect` writes it
        b"2026-11-30",
        b"2026-11-30 +0100",
        b"2026-11-31 13:00:00 UTC",
        b"2026-11-30 25:00:00 UTC",
        b"2026-11-30 13:00:00 Nowhere/Land",
        b"2026-11-30 13:00:00 ../../etc/passwd",
        b"1796040000",
        b"\xff\x00\xfe",
        b"\n",
        b"0",
    ],
)
def test_anything_else_is_named_with_the_format(text):
    with pytest.raises(ValueError, match=r"must be like '2026-11-30 14:05:00 \+0100'; got ") as error:
        parse_timestamp(text)
    assert "\n" not in str(error.value)


def test_nbgrader_reads_what_is_written():
    from nbgrader.utils import parse_utc

    assert parse_utc(format_timestamp(NOON).strip()) == NOON
