"""When a notebook was submitted: `timestamp.txt` next to it, in one format with a time zone."""

import datetime
import zoneinfo

FORMAT = "2026-11-30 14:05:00 +0100"
"""An example of the format; the last part may also be UTC or a zone's name, such as Europe/Berlin."""


def parse_timestamp(text: bytes) -> datetime.datetime:
    """Returns the time of a `timestamp.txt` in UTC, without a time zone, as nbgrader stores it.

    Args:
        text: the content of the file.

    Raises:
        ValueError: the time or its time zone is missing or invalid; the message says what was found.

    >>> parse_timestamp(b"2026-11-30 14:05:00 +0100"), parse_timestamp(b"2026-07-01T14:05:00 Europe/Berlin\\n")
    (datetime.datetime(2026, 11, 30, 13, 5), datetime.datetime(2026, 7, 1, 12, 5))
    """
    if text.startswith((b"\xff\xfe", b"\xfe\xff")):  # Notepad's "Unicode"
        found = text.decode("utf-16", "replace")
    else:
        found = text.decode("utf-8-sig", "replace")
    found = found.strip().strip("\0").strip()
    when, _, zone = found.rpartition(" ")
    time: datetime.datetime | None
    try:
        if zone and zone[0].isalpha():
            time = datetime.datetime.fromisoformat(when).replace(tzinfo=zoneinfo.ZoneInfo(zone))
        else:
            time = datetime.datetime.fromisoformat(f"{when.strip()}{zone}" if zone[:1] in ("+", "-") else found)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        time = None
    if time is None or time.tzinfo is None or ":" not in found:
        raise ValueError(f"timestamp.txt must be like {FORMAT!r}; got {found[:40]!r}")
    return time.astimezone(datetime.UTC).replace(tzinfo=None)


def format_due(time: datetime.datetime, zone: str = "") -> str:
    """Formats a time in UTC, as nbgrader stores it, in a time zone and in UTC.

    Args:
        time: the time, without a time zone.
        zone: the zone's name; by default, and if it is unknown, that of this computer.

    >>> format_due(datetime.datetime(2026, 11, 30, 22, 59), "Europe/Berlin")
    '2026-11-30 23:59 CET (2026-11-30 22:59 UTC)'
    >>> format_due(datetime.datetime(2026, 11, 30, 22, 59), "UTC")
    '2026-11-30 22:59 UTC'
    """
    try:
        wanted = zoneinfo.ZoneInfo(zone) if zone else None
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        wanted = None
    universal = time.replace(tzinfo=datetime.UTC)
    local = universal.astimezone(wanted)
    text = f"{universal:%Y-%m-%d %H:%M} UTC"
    return f"{local:%Y-%m-%d %H:%M %Z} ({text})" if local.utcoffset() else text


def format_timestamp(time: datetime.datetime) -> str:
    """Formats a time in UTC as nbgrader reads it."""
    return f"{time:%Y-%m-%d %H:%M:%S.%f} UTC\n"
