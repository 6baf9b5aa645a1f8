"""The trace file: one row a task that has ended, written by Nextflow as tabs and newlines."""

from __future__ import annotations

# Asked for as raw: milliseconds and bytes.
FIELDS = "task_id,hash,native_id,process,name,status,exit,attempt,submit,start,complete,duration,realtime,%cpu,peak_rss,workdir"


def read_trace(text: str) -> list[dict[str, str]]:
    """Each row by column name, as text; "-" is what Nextflow does not know. Half a last line and short rows are left out."""
    lines = text.split("\n")[:-1]  # what follows the last newline is still being written
    if not lines:
        return []
    columns = lines[0].split("\t")
    rows = (line.split("\t") for line in lines[1:])
    return [dict(zip(columns, row, strict=True)) for row in rows if len(row) == len(columns)]
