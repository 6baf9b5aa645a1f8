"""Bigger models beside the shipped one: ``spacy:NAME`` and ``hf:MODEL``. What either finds counts."""

from __future__ import annotations

from functools import cache
from typing import Any, Protocol

from llamaflow.errors import BadInputError

from ..spans import Folded, Span

# Labels of common models (OntoNotes, CoNLL, LeNER-Br, HAREM) in our terms; what is not here is left alone.
_KINDS = {
    "PERSON": ("PERSON", "PER", "PESSOA", "PES"),
    "LOCATION": ("LOCATION", "LOC", "GPE", "FAC", "LOCAL"),
    "ORGANIZATION": ("ORGANIZATION", "ORG", "ORGANIZACAO"),
    "ADDRESS": ("ADDRESS", "STREET_ADDRESS"),
}
KIND_OF_LABEL = {label: kind for kind, labels in _KINDS.items() for label in labels}


class Recognizer(Protocol):
    """Anything that finds entities in the texts of one conversation."""

    def recognize(self, texts: list[str], folded: list[Folded], langs: list[str]) -> list[list[Span]]: ...


class SpacyRecognizer:
    """An installed spaCy pipeline with an entity recognizer."""

    def __init__(self, name: str):
        try:
            import spacy
        except ImportError:
            raise BadInputError("spaCy is not installed", where=f"--ner spacy:{name}", fix="pip install spacy, and the model") from None
        try:
            self._model = spacy.load(name)
        except (OSError, ValueError):
            raise BadInputError("this spaCy model is not installed", where=f"--ner spacy:{name}", fix=f"install {name}") from None
        if "ner" not in self._model.pipe_names:
            raise BadInputError("this spaCy model finds no entities", where=f"--ner spacy:{name}", fix="name one with an ner component")

    def recognize(self, texts: list[str], folded: list[Folded], langs: list[str]) -> list[list[Span]]:
        return [
            [
                Span(entity.start_char, entity.end_char, KIND_OF_LABEL[entity.label_], "ner.spacy")
                for entity in doc.ents
                if entity.label_ in KIND_OF_LABEL
            ]
            for doc in self._model.pipe(texts)
        ]


class HuggingFaceRecognizer:
    """A token classification model of the hub or a folder."""

    def __init__(self, name: str):
        from transformers import pipeline

        try:
            self._model: Any = pipeline("token-classification", model=name, aggregation_strategy="simple", stride=64)
        except (OSError, ValueError) as error:
            raise BadInputError(
                "this model cannot be loaded for token classification", where=f"--ner hf:{name}", why=type(error).__name__,
                fix="name a hub id or a folder that holds a token classification model",
            ) from None  # fmt: skip

    def recognize(self, texts: list[str], folded: list[Folded], langs: list[str]) -> list[list[Span]]:
        found = []
        for text in texts:
            entities = self._model(text) if text.strip() else []
            kinds = [(one, KIND_OF_LABEL.get(one["entity_group"].upper())) for one in entities]
            found.append([Span(int(one["start"]), int(one["end"]), kind, "ner.hf") for one, kind in kinds if kind])
        return found


@cache
def load_recognizer(reference: str) -> Recognizer:
    """The model that ``spacy:NAME`` or ``hf:MODEL`` names, loaded once. Raises BadInputError when there is none."""
    kind, _, name = reference.partition(":")
    if kind == "spacy" and name:
        return SpacyRecognizer(name)
    if kind == "hf" and name:
        return HuggingFaceRecognizer(name)
    raise BadInputError("unknown recognizer", where=f"--ner {reference}", fix="spacy:NAME or hf:MODEL")
