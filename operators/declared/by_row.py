"""Labels that a column of the files says row by row: what a row may be used for, and what kind it is."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from operators.base.declare import Declared
from operators.base.licence import CLASSES, Licence, class_of, join

#: Characters of the name of a category.
MOST_NAME = 1000


def known_class(value: object) -> object:
    """The class that a licence's name stands for."""
    return value if not isinstance(value, str) else class_of(value) or value


Stated = Annotated[
    Licence,
    BeforeValidator(known_class),
    WithJsonSchema({"type": "string", "format": "licence", "examples": [*CLASSES, "CC-BY-4.0"]}),
]


class LicenceByRow(Declared):
    """The licence class of each row, by a column of the files; a value that stands for no class is an error."""

    column: str
    """The column of the files that says it."""
    map: Annotated[dict[str, Stated], Field(min_length=1)] | None = None
    """What each value of the column stands for; `""` is no value. Without it a value is a class, or a licence known here."""
    drop: Annotated[tuple[Stated, ...], Field(min_length=1)] | None = None
    """Classes whose rows are left out right behind the source. Rows of class C stop the build unless they are."""

    def stands_for(self, value: str) -> Licence | None:
        """The class of a row with this value; None where nothing says it."""
        return class_of(value) if self.map is None else self.map.get(value)

    def read(self) -> tuple[Licence, ...]:
        """The classes that rows may have as they are read."""
        said = CLASSES if self.map is None else tuple(each for each in CLASSES if each in self.map.values())
        return tuple(each for each in said if each != "C" or "C" in (self.drop or ()))

    def kept(self) -> tuple[Licence, ...]:
        """Those that they may have behind the source."""
        return tuple(each for each in self.read() if each not in (self.drop or ()))


class CategoryByRow(Declared):
    """The category of each row, by a column of the files."""

    column: str
    """The column of the files that says it."""
    map: Annotated[dict[str, Annotated[str, Field(min_length=1)]], Field(min_length=1)] | None = None
    """What each value of the column is called here; without it categories are called as the files have them."""

    def stands_for(self, value: str) -> str | None:
        """The category of a row with this value; None where nothing says it."""
        return (value if 0 < len(value) <= MOST_NAME else None) if self.map is None else self.map.get(value)


def closest(license: Licence | LicenceByRow) -> Licence:
    """The most closed class that a source's rows may have as they are read."""
    return join(license.read()) if isinstance(license, LicenceByRow) else license


def unread(license: Licence | LicenceByRow) -> Licence:
    """The class of a row that cannot be read: where rows say their own, nobody knows what it says."""
    return "unknown" if isinstance(license, LicenceByRow) else license


def classes_of(license: Licence | LicenceByRow) -> tuple[Licence, ...]:
    """The classes that a source's rows may have behind it."""
    return license.kept() if isinstance(license, LicenceByRow) else (license,)


def categories_of(category: str | CategoryByRow) -> tuple[str, ...] | None:
    """The categories that a source's rows may have; None where only its files say."""
    if isinstance(category, str):
        return (category,)
    return None if category.map is None else tuple(sorted(set(category.map.values())))
