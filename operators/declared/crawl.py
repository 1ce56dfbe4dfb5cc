"""Crawling of a site: where it begins, which links are followed, and how politely."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from operators.base.declare import Declared
from operators.declared.pages import Selector

Address = Annotated[str, Field(min_length=1, max_length=2000, pattern=r"^https://[^\s/?#@\\]+(?:[/?][^\s#]*)?$")]


class Crawl(Declared):
    """How `recipe crawl` gets the pages of a site; a build never does. What robots.txt forbids is not asked for."""

    start: Annotated[tuple[Address, ...], Field(min_length=1, max_length=1000)]
    """The first pages, `https://`."""
    follow: Selector | None = None
    """The links that are followed, by a CSS selector of `a` elements; none unless said."""
    within: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    """The addresses that may be asked for, by a glob; those on the hosts of `start` unless said."""
    most: Annotated[int, Field(ge=1, le=10_000_000)] = 1000
    """The most pages that are asked for."""
    delay: Annotated[int, Field(ge=0, le=3600)] = 1
    """Seconds between two requests; robots.txt may ask for more."""

    @model_validator(mode="after")
    def begun_within(self) -> Crawl:
        if outside := [each for each in self.start if not self.leads_to(each)]:
            raise ValueError(f"`{outside[0]}` is not `within` what may be asked for")
        return self

    def leads_to(self, url: str) -> bool:
        """Whether an address may be asked for."""
        try:
            place = urlsplit(url)
            _ = place.port
            hosts = {urlsplit(each).netloc.lower() for each in self.start}
        except ValueError:
            return False
        if place.scheme != "https" or not place.hostname or "@" in place.netloc or len(url) > 2000:
            return False
        return place.netloc.lower() in hosts if self.within is None else fnmatchcase(url, self.within)
