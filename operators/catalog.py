"""The list of what a recipe may say."""

from __future__ import annotations

from operators.aggregate import Aggregate
from operators.answers import Answers
from operators.behaviours import Behaviours
from operators.compression import Compression
from operators.declare import Measure, Operator, Step
from operators.decontaminate import Decontaminate
from operators.echo import Echo
from operators.extract import Extract
from operators.finished import Finished
from operators.generate import Generate
from operators.inner import Attach, Combine, Keep, Output, Preview
from operators.inside import Inside
from operators.iw_sft import IwSft
from operators.judge import Judge
from operators.language_share import LanguageShare
from operators.length import Length
from operators.merge_options import MergeOptions
from operators.mixture import Mixture
from operators.morphemes import Morphemes
from operators.negation import Negation
from operators.normalise import Normalise
from operators.parsable import Parsable
from operators.repetition import Repetition
from operators.sample import Sample
from operators.score import Score
from operators.select import Select
from operators.sft import Sft
from operators.source import Source
from operators.spans import Spans
from operators.style_directives import StyleDirectives
from operators.think_blocks import ThinkBlocks
from operators.token_length import TokenLength
from operators.train import Train
from operators.translate import Translate
from operators.unique import Unique
from operators.where import Where

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
