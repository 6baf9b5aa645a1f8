"""Reading users' data: files in many formats in, canonical records out.

files: which files; streams: their bytes; rows: their rows; formats, messages, mapping: rows to conversations;
inspection: a look at all of it, which the preflight check and PREPARE share.
"""

from __future__ import annotations

from .files import discover
from .formats import FORMATS
from .inspection import InspectedFile, Item, inspect_files, inspect_inputs, read_items

__all__ = ["FORMATS", "InspectedFile", "Item", "discover", "inspect_files", "inspect_inputs", "read_items"]
