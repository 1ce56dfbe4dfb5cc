"""What the columns that a map makes are called in the store, whatever their table calls them: equal maps share their result."""

MAPPED = "changed"


def mapped(place: int) -> str:
    """The name of the column at a place of a map's columns."""
    return MAPPED if place == 0 else f"{MAPPED} {place + 1}"
