"""Steps that change no cell: they say which columns go on, and under which names."""

from __future__ import annotations

from operators.base.declare import Step
from operators.base.scope import Columns


class Naming(Step):
    """A step after which columns have other names, or do not go on."""

    def renamed(self, columns: Columns) -> dict[str, str]:
        """New name -> old name, in order, of all columns that go on of these."""
        raise NotImplementedError(f"`{self.name}` names nothing")

    def made(self, columns: Columns) -> Columns:
        """The columns after it."""
        return {new: columns[old] for new, old in self.renamed(columns).items() if old in columns}
