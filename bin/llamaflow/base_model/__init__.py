"""Where a base model comes from (source) and the chat templates that may replace its own."""

from __future__ import annotations

from .source import Source, load_source_tokenizer, read_template, resolve

__all__ = ["Source", "load_source_tokenizer", "read_template", "resolve"]
