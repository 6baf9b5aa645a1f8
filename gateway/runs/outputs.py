"""What a run came to, read from the summaries that it published."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from .requests import UNCLEAN

LARGEST = 32 * 2**20  # bytes of a summary
STEPS = (
    "preflight", "fetch_base", "prepare", "split", "search", "finetune", "evaluate-base", "evaluate-production", "evaluate-candidate",
    "compare-base", "compare-production", "adjust", "gate", "register", "export",
)  # fmt: skip
# Files for people: name in a URL -> path below results/.
FILES = {
    "report": "report/report.html", "mask_report": "report/mask_report.html", "summary": "report/summary.txt", "drift": "drift/drift.html",
    "drift_summary": "drift/summary.txt",
}  # fmt: skip


def read_outputs(outdir: Path) -> dict[str, Any]:
    """verdict, reason, version, files and numbers of a finished run; only what is there. Never raises for a missing or broken file."""
    drift = read_json(outdir / "drift" / "drift.json")
    if drift:
        found = {"verdict": drift.get("verdict"), "reason": drift.get("reason"), "input": drift.get("input"), "output": drift.get("output")}
        numbers = {name: drift.get(name) for name in ("p_value", "alpha")}
    else:
        gate, registered = summary(outdir, "gate"), summary(outdir, "register")
        found = {
            "verdict": gate.get("verdict"), "reason": gate.get("reason"), "version": registered.get("version") or None,
            "registered": Path(str(registered["path"])).name if registered.get("path") else None,
        }  # fmt: skip
        numbers = _numbers(outdir)
    found["files"] = [name for name, path in FILES.items() if (outdir / path).is_file()]
    found["numbers"] = {name: value for name, value in numbers.items() if value is not None}
    return {name: value for name, value in found.items() if value not in (None, [], {})}


def summary(outdir: Path, step: str) -> dict[str, Any]:
    """A step's summary, or {}. step: one of STEPS."""
    return read_json(outdir / "summaries" / f"{step}.json")


def summaries(outdir: Path) -> dict[str, Any]:
    """Every summary that is there, by step; of a drift run that one."""
    found = {step: one for step in STEPS if (one := summary(outdir, step))}
    if drift := read_json(outdir / "drift" / "drift.json"):
        found["drift"] = drift
    return found


def _numbers(outdir: Path) -> dict[str, Any]:
    """What later runs are estimated by, and what people compare first."""
    finetune, split, preflight = summary(outdir, "finetune"), summary(outdir, "split"), summary(outdir, "preflight").get("estimates", {})
    candidate = summary(outdir, "evaluate-candidate").get("metrics") or {}
    numbers = {
        "peak_memory_bytes": finetune.get("peak_memory_bytes"), "training_seconds": finetune.get("training_seconds"),
        "tokens_per_second": finetune.get("tokens_per_second"), "train_records": split.get("train"), "records": preflight.get("records"),
        "estimated_training_minutes": preflight.get("training_minutes"),
    }  # fmt: skip
    return numbers | {f"candidate.{name}": one["value"] for name, one in candidate.items() if isinstance(one, dict) and "value" in one}


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object, or {} where there is none to read. What a database could not hold (NaN, half a character) is left out of it."""
    try:
        if path.stat().st_size > LARGEST:
            return {}
        value = json.loads(path.read_text("utf-8"), parse_constant=lambda _name: None, parse_float=_finite)
        return _clean(value) if isinstance(value, dict) else {}
    except (OSError, ValueError, RecursionError):
        return {}


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return UNCLEAN.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_clean(name): _clean(one) for name, one in value.items()}
    return [_clean(one) for one in value] if isinstance(value, list) else value
