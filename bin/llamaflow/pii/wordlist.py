"""Lists of words that are written as one text."""

from __future__ import annotations


def words(text: str, mark: str | None = None) -> tuple[str, ...]:
    """The words of a text, parted by spaces or by a mark."""
    return tuple(text.split(mark))
