"""One contestant at a time, each in a process of its own: speed by the stopwatch, memory by the kernel."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from llamaflow.errors import LlamaFlowError
from llamaflow.progress import Progress

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
OURS = Path(sys.executable)
TRL = ROOT / ".venv-bench-finetune" / "bin" / "python"
LLAMAFACTORY = ROOT / ".venv-bench-llamafactory" / "bin" / "python"
# Nobody may ask a network for a model that lies in a folder, or for a newer version of itself.
QUIET = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "WANDB_MODE": "disabled"}


class Contestant(NamedTuple):
    """Who trains, with which Python and script; settings go to the script as they are."""

    name: str
    python: Path
    runner: str
    settings: dict[str, Any]


class Run(NamedTuple):
    """One training. seconds and timed_tokens: of all steps but the first. warmup: seconds until the first step was done."""

    name: str
    adapter: Path
    steps: int
    tokens: int
    timed_tokens: int
    seconds: float
    warmup: float | None
    peak_bytes: int
    versions: dict[str, str]
    summary: dict[str, Any]

    @property
    def tokens_per_second(self) -> float:
        """Real tokens of the examples, a second of training."""
        return self.timed_tokens / self.seconds

    @property
    def computed_share(self) -> float:
        """Share of these tokens that were computed; LlamaFlow alone computes what several examples begin with once."""
        return self.summary.get("computed_share", 1.0)


def train(contestant: Contestant, job: dict[str, Any], folder: Path) -> Run:
    """Let a contestant train in a new folder. Raises LlamaFlowError with the end of its log when it fails."""
    folder.mkdir(parents=True)
    job = job | {"adapter": str(folder / "adapter"), "result": str(folder / "result.json"), "settings": contestant.settings}
    (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
    log = folder / "log"
    command = [str(contestant.python), str(HERE / contestant.runner), str(folder / "job.json")]
    with log.open("w", encoding="utf-8") as errors, Progress(contestant.name, None, "step") as progress:
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            encoding="utf-8",
            errors="replace",
            cwd=folder,
            env=os.environ | QUIET,
        )
        try:
            for line in process.stdout:
                if line.startswith('{"bench_step"'):
                    progress.update(elapsed_s=json.loads(line)["elapsed_s"])
                else:
                    errors.write(line)
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            raise
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise LlamaFlowError(
            f"{contestant.name} failed", where=contestant.runner, why=log.read_text(encoding="utf-8", errors="replace")[-2000:].strip(),
            fix="see above; a damaged environment: rm -rf .venv-bench-finetune .venv-bench-llamafactory",
        )  # fmt: skip
    done = json.loads(Path(job["result"]).read_text(encoding="utf-8"))
    # Linux counts in KiB, macOS in bytes.
    resident = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return Run(
        contestant.name, Path(job["adapter"]), done["steps"], done["tokens"], done["timed_tokens"], done["timed_seconds"],
        done["first_step_at"], done.get("cuda_peak_bytes", resident), done["versions"], done.get("summary", {}),
    )  # fmt: skip


def compete(
    contestants: Iterable[Contestant], job: dict[str, Any], folder: Path, rounds: int, between: Callable[[], object]
) -> tuple[dict[str, Run], dict[str, str]]:
    """Let all train, round by round: by name the fastest run, and why there is none. ``between`` is called before each and at the end.

    Raises LlamaFlowError when what runs in our own environment fails; a peer that fails is left out.
    """
    runs: dict[str, Run] = {}
    why: dict[str, str] = {}
    for round_ in range(rounds):
        for one in contestants:
            if not one.python.exists():
                why[one.name] = f"not installed: {one.python} does not exist"
            if one.name in why:
                continue
            between()
            try:
                run = train(one, job, folder / f"{one.name.replace(' ', '-')}-{round_}")
            except LlamaFlowError as error:
                if one.python == OURS:
                    raise
                print(error, flush=True)
                why[one.name] = f"failed: {error.why.splitlines()[-1]}"
                continue
            print(f"{run.name}: {run.tokens_per_second:.1f} tokens/s, {' '.join(f'{k} {v}' for k, v in run.versions.items())}", flush=True)
            if one.name not in runs or run.tokens_per_second > runs[one.name].tokens_per_second:
                runs[one.name] = run
    between()
    return runs, why


def table(runs: list[Run], losses: dict[str, float], shares: dict[str, float], against: str) -> str:
    """The runs side by side; ratio: to the contestant of that name."""
    slowest = next((run.tokens_per_second for run in runs if run.name == against), None)
    heads = (
        *(("tokens/s", 10), ("ratio", 8), ("peak share", 12), ("memory GB", 11), ("val. loss", 11)),
        *(("steps", 7), ("tokens", 9), ("computed", 10), ("warm-up s", 11)),
    )
    lines = [f"  {'':<24}" + "".join(f"{head:>{width}}" for head, width in heads)]
    for run in runs:
        ratio = f"{run.tokens_per_second / slowest:.2f}" if slowest else "-"
        loss = f"{losses[run.name]:.4f}" if run.name in losses else "-"
        warmup = "-" if run.warmup is None else f"{run.warmup:.1f}"
        lines.append(
            f"  {run.name:<24}{run.tokens_per_second:>10.1f}{ratio:>8}{shares[run.name]:>12.3f}{run.peak_bytes / 1e9:>11.2f}{loss:>11}"
            f"{run.steps:>7}{run.tokens:>9}{run.computed_share:>10.3f}{warmup:>11}"
        )
    return "\n".join(lines)
