"""Triage: which sites are kept, and the record of why."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from operators.base.declare import Count, Declared, Share
from operators.declared.by_row import Stated

Reason = Literal["licence", "volume", "obfuscation", "near_duplicates", "other"]


class Site(Declared):
    """The decision on one site."""

    decision: Literal["keep", "drop"]
    """A source that is dropped is read by nothing, and nobody is asked for its files."""
    by: Reason | None = None
    """Why it is dropped."""
    found: Annotated[str, Field(min_length=1, max_length=1000)] | None = None
    """What was found: counts as `recipe triage` tells them, or the words of the site's terms."""
    license: Stated | None = None
    """Its class, where it is no source of the recipe."""

    @model_validator(mode="after")
    def reasoned(self) -> Site:
        if (self.decision == "drop") != (self.by is not None):
            raise ValueError("`by` says why a site is dropped" + ("" if self.by is None else ", and this one is kept"))
        if self.by == "other" and self.found is None:
            raise ValueError("`found` says what the other reason is")
        return self


class Triage(Declared):
    """Which sites are kept, by limits that `recipe triage` measures, and the decision on each as a record.

    The limits decide nothing by themselves: a site is dropped where the record says so (paper section 5.1).
    """

    volume: Count | None = None
    """The fewest rows of a site worth keeping."""
    obfuscation: Share | None = None
    """The largest share of a site's pages that may give no row: of one that hides its text it is large."""
    near_duplicates: Share | None = None
    """The largest share of a site's text that may stand in one larger site too."""
    sites: Annotated[dict[str, Site], Field(max_length=10_000)] = Field(default_factory=dict)
    """The decision on each site, by the name of its source, or any name where it is none."""

    def dropped(self) -> frozenset[str]:
        """The names of the sites that are left out."""
        return frozenset(name for name, site in self.sites.items() if site.decision == "drop")
