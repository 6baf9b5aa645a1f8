"""A training that is stopped from outside, once politely and once not, goes on from its checkpoint within the same run."""

from __future__ import annotations

import json
import os
import signal
import time

from llamaflow.summaries import FinetuneSummary, read_summary


def newest_step(folder) -> int:
    return max((int(path.name.rsplit("-", 1)[1]) for path in folder.glob("checkpoints/*/*-step-*") if ".part" not in path.name), default=0)


def test_preempted_and_killed_training_is_retried_from_where_it_was(nextflow, tmp_path):
    out = tmp_path / "results"
    process = nextflow.start(
        tmp_path, "-profile", "test", "--outdir", str(out), "--max_steps", "60", "--checkpoint_minutes", "0", "--tracking_uri", "none"
    )
    try:
        for number, least in ((signal.SIGTERM, 5), (signal.SIGKILL, 25)):
            while process.poll() is None and newest_step(out) < least:
                time.sleep(0.02)
            assert process.poll() is None, process.communicate()[0]
            (mark,) = out.glob("checkpoints/*/running.json")
            os.kill(json.loads(mark.read_text())["pid"], number)
        output, _ = process.communicate(timeout=400)
    finally:
        process.kill()
    assert process.returncode == 0, output
    summary = read_summary(out / "summaries" / "finetune.json", FinetuneSummary)
    assert summary.steps == 60 and len(summary.resumed_at) == 2 and 5 <= summary.resumed_at[0] < summary.resumed_at[1] < 60
    assert "exit status (143)" in output and "exit status (137)" in output and output.count("Execution is retried") == 2
    assert not list(out.glob("checkpoints/*/*-step-*"))
