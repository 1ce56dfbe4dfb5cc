"""The list of what a recipe may say."""

from __future__ import annotations

from operators.asks.answers import Answers
from operators.asks.attach import Attach
from operators.asks.generate import Generate
from operators.asks.judge import Judge
from operators.asks.translate import Translate
from operators.base.declare import Measure, Operator, Step
from operators.declared.aggregate import Aggregate
from operators.declared.source import Source
from operators.grow.merge_options import MergeOptions
from operators.grow.style_directives import StyleDirectives
from operators.learn.iw_sft import IwSft
from operators.learn.sft import Sft
from operators.learn.train import Train
from operators.maps.extract import Extract
from operators.maps.inside import Inside
from operators.maps.normalise import Normalise
from operators.maps.select import Select
from operators.maps.spans import Spans
from operators.measures.behaviours import Behaviours
from operators.measures.compression import Compression
from operators.measures.decontaminate import Decontaminate
from operators.measures.echo import Echo
from operators.measures.finished import Finished
from operators.measures.language_share import LanguageShare
from operators.measures.length import Length
from operators.measures.morphemes import Morphemes
from operators.measures.negation import Negation
from operators.measures.parsable import Parsable
from operators.measures.repetition import Repetition
from operators.measures.score import Score
from operators.measures.think_blocks import ThinkBlocks
from operators.measures.token_length import TokenLength
from operators.measures.where import Where
from operators.sets.combine import Combine
from operators.sets.keep import Keep
from operators.sets.mixture import Mixture
from operators.sets.output import Output
from operators.sets.preview import Preview
from operators.sets.sample import Sample
from operators.sets.unique import Unique

STEPS: tuple[type[Step], ...] = (
    Length,
    LanguageShare,
    Morphemes,
    Repetition,
    Compression,
    ThinkBlocks,
    Finished,
    Behaviours,
    Negation,
    TokenLength,
    Echo,
    Parsable,
    Score,
    Decontaminate,
    Where,
    Normalise,
    Translate,
    Generate,
    Judge,
    Spans,
    Extract,
    Inside,
    Select,
    StyleDirectives,
    MergeOptions,
    Unique,
    Sample,
    Mixture,
)

OBJECTIVES: dict[str, type[Train]] = {each.name: each for each in (Sft, IwSft)}
INNER: tuple[type[Operator], ...] = (Combine, Keep, Preview, Attach, Answers, Aggregate, Output)

CATALOG: dict[str, type[Step]] = {step.name: step for step in STEPS}
MEASURES: dict[str, type[Measure]] = {step.name: step for step in STEPS if issubclass(step, Measure)}
#: What people may say, for the reference.
SAID: tuple[type[Operator], ...] = (Source, *STEPS, *OBJECTIVES.values())
OPERATORS: dict[str, type[Operator]] = {kind.name: kind for kind in (*SAID, *INNER)}
