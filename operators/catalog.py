"""The operators by kind and by name: those of `public`, and those that the compiler alone sets."""

from __future__ import annotations

from operators import public
from operators.asks.answers import Answers
from operators.asks.attach import Attach
from operators.base.declare import Measure, Operator, Step
from operators.declared.aggregate import Aggregate
from operators.learn.train import Train
from operators.sets.combine import Combine
from operators.sets.keep import Keep
from operators.sets.output import Output
from operators.sets.preview import Preview

#: What people may say, for the reference.
PUBLIC: tuple[type[Operator], ...] = tuple(each for each in vars(public).values() if isinstance(each, type))
INNER: tuple[type[Operator], ...] = (Combine, Keep, Preview, Attach, Answers, Aggregate, Output)

STEPS: tuple[type[Step], ...] = tuple(each for each in PUBLIC if issubclass(each, Step))
MEASURES: dict[str, type[Measure]] = {step.name: step for step in STEPS if issubclass(step, Measure)}
CATALOG: dict[str, type[Step]] = {step.name: step for step in STEPS}
OBJECTIVES: dict[str, type[Train]] = {each.name: each for each in PUBLIC if issubclass(each, Train)}
OPERATORS: dict[str, type[Operator]] = {kind.name: kind for kind in (*PUBLIC, *INNER)}
