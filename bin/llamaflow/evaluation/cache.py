"""Scores that were taken before: the same weights on the same data with the same settings need no second run."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..files import write_json
from ..summaries import EvaluateSummary, read_summary


class ScoreCache:
    """A folder with one entry for each key: evaluate.json and examples.parquet, whole or absent."""

    def __init__(self, folder: Path, key: Mapping[str, Any]):
        """key: everything that the scores depend on, as JSON values."""
        self.entry = folder / hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:32]

    def load(self, examples: Path) -> EvaluateSummary | None:
        """The summary kept under the key, its rows copied to ``examples``; None where there is none or it cannot be read."""
        try:
            summary = read_summary(self.entry / "evaluate.json", EvaluateSummary)
            shutil.copyfile(self.entry / "examples.parquet", examples)
        except (OSError, ValidationError, UnicodeDecodeError):
            return None
        return summary.model_copy(update={"cached": True})

    def store(self, summary: EvaluateSummary, examples: Path) -> str:
        """Keep the scores; returns '' or why they could not be kept, which is no error: the next run takes them again."""
        try:
            self.entry.parent.mkdir(parents=True, exist_ok=True)
            part = Path(tempfile.mkdtemp(prefix=".part-", dir=self.entry.parent))
        except OSError as error:
            return f"the scores could not be kept for later runs: {error.strerror}"
        try:
            write_json(part / "evaluate.json", summary)
            shutil.copyfile(examples, part / "examples.parquet")
            part.chmod(0o755)
            os.replace(part, self.entry)
        except OSError as error:
            # Another run may have been faster with the same scores; a damaged entry is taken away for the next one.
            if self.load(part / "there.parquet") is None:
                shutil.rmtree(self.entry, ignore_errors=True)
                with contextlib.suppress(OSError):
                    os.replace(part, self.entry)
            return "" if self.entry.exists() else f"the scores could not be kept for later runs: {error.strerror}"
        finally:
            shutil.rmtree(part, ignore_errors=True)
        return ""
