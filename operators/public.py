"""What people may say in a recipe: one operator a line, in the order of the reference and of the schemas."""
# ruff: noqa: F401, I001

from operators.declared.source import Source
from operators.measures.length import Length
from operators.measures.language_share import LanguageShare
from operators.measures.morphemes import Morphemes
from operators.measures.repetition import Repetition
from operators.measures.compression import Compression
from operators.measures.think_blocks import ThinkBlocks
from operators.measures.finished import Finished
from operators.measures.behaviours import Behaviours
from operators.measures.negation import Negation
from operators.measures.token_length import TokenLength
from operators.measures.echo import Echo
from operators.measures.parsable import Parsable
from operators.measures.score import Score
from operators.measures.decontaminate import Decontaminate
from operators.measures.where import Where
from operators.maps.normalise import Normalise
from operators.asks.translate import Translate
from operators.asks.generate import Generate
from operators.asks.converse import Converse
from operators.asks.judge import Judge
from operators.maps.spans import Spans
from operators.maps.extract import Extract
from operators.maps.inside import Inside
from operators.maps.turns import Turns
from operators.maps.select import Select
from operators.grow.style_directives import StyleDirectives
from operators.grow.openings import Openings
from operators.grow.merge_options import MergeOptions
from operators.sets.unique import Unique
from operators.sets.sample import Sample
from operators.sets.mixture import Mixture
from operators.learn.sft import Sft
from operators.learn.iw_sft import IwSft
