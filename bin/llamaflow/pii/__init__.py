"""Personal data in text: what it is, where it lies, and what takes its place."""

from .anonymizer import Anonymizer, Finding, Outcome, Quarantine
from .detect import detect, detect_conversation
from .policy import Policy, load_policy
from .spans import ENTITY_TYPES, Span

__all__ = [
    "ENTITY_TYPES",
    "Anonymizer",
    "Finding",
    "Outcome",
    "Policy",
    "Quarantine",
    "Span",
    "detect",
    "detect_conversation",
    "load_policy",
]
