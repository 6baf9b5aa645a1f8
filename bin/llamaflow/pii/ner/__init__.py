"""Names, places, organizations and street addresses by a small trained network; see training/ner for how it came about."""

from .tagger import Tagger, tagger

__all__ = ["Tagger", "tagger"]
