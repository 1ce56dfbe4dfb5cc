"""Clean rows that a reader found to hold text of a benchmark item indeed: no false alarms."""

#: Row -> why.
OVERLAPS: dict[str, str] = {}
