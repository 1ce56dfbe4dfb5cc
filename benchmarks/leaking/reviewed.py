"""Clean rows that a reader found to hold text of a benchmark item indeed: no false alarms."""

#: Row -> why.
OVERLAPS = {"nsmc/287524": "the premise of klue-nli-v1_dev_02347, which KLUE took from NSMC, is this very review"}
