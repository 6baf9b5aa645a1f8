"""Tasks of EleutherAI's Language Model Evaluation Harness by name, on a model that is already loaded.

The package ``lm_eval`` is no dependency: who wants its tasks installs it beside LlamaFlow. What a task loads (a data set from a hub,
or files that its YAML names) has to be reachable from where EVALUATE runs.
"""

from __future__ import annotations

import difflib
import hashlib
import importlib.util
import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BadInputError
from ..summaries import MetricValue, SuiteScores

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

# Their name for a metric -> ours; others keep theirs.
_NAMES = {"acc": "accuracy"}
_INSTALL = "install it where the tasks run (uv pip install lm_eval), or leave the tasks out"


def check_tasks(names: Sequence[str], include: Path | None = None) -> Any:
    """lm_eval's TaskManager, once it knows every name. Raises BadInputError when lm_eval is missing or a name unknown.

    include: a folder of the user's own task files (YAML).
    """
    if importlib.util.find_spec("lm_eval") is None:
        raise BadInputError("lm-evaluation-harness is not installed", where=", ".join(names)[:200], why="no package lm_eval", fix=_INSTALL)
    from lm_eval.tasks import TaskManager

    manager = TaskManager(include_path=str(include) if include else None)
    for name in names:
        if name not in manager.all_tasks:
            near = difflib.get_close_matches(name, manager.all_tasks, n=3)
            fix = f"did you mean {', '.join(near)}? " if near else ""
            raise BadInputError(f"lm-evaluation-harness has no task '{name[:80]}'", fix=fix + "lm_eval ls tasks lists all")
    return manager


def run_tasks(
    names: Sequence[str],
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    *,
    limit: int = 0,
    batch_size: int = 8,
    max_length: int | None = None,
    seed: int = 17,
    chat: bool = False,
    include: Path | None = None,
) -> dict[str, SuiteScores]:
    """Scores of each task (or group of tasks) by its name; a group's subtasks are its categories.

    limit: examples of a task, 0 for all; chat: put prompts into the chat template (the harness itself does not by default). Intervals
    are value ± 1.96 standard errors as the harness gives them. Raises BadInputError for a missing package, an unknown name, or data
    that cannot be loaded, naming the task.
    """
    manager = check_tasks(names, include)
    loaded = {name: _load(manager, name) for name in names}  # all of them before anything slow
    import lm_eval
    from lm_eval.models.huggingface import HFLM

    for logger in ("lm_eval", "lm-eval"):
        logging.getLogger(logger).setLevel(logging.ERROR)
    wrapped = HFLM(pretrained=model, tokenizer=tokenizer, batch_size=batch_size, max_length=max_length, backend="causal")
    scores = {}
    for name in names:
        found = lm_eval.simple_evaluate(
            model=wrapped, tasks=[*loaded[name]], limit=limit or None, task_manager=manager, apply_chat_template=chat, log_samples=True,
            bootstrap_iters=1000, random_seed=seed, numpy_random_seed=seed, torch_random_seed=seed, fewshot_random_seed=seed,
        )  # fmt: skip
        settings = {
            "library": f"lm_eval {lm_eval.__version__}", "limit": limit or "none", "chat template": chat,
            "precision": str(model.dtype).removeprefix("torch."),
        }  # fmt: skip
        scores[name] = scores_of(name, found, settings)
    return scores


def _load(manager: Any, name: str) -> list[Any]:
    """The tasks that a name means, with their data."""
    try:
        built = manager.load([name])
        return [*built["groups"].values()][:1] or [*built["tasks"].values()]
    except Exception as error:  # data sets raise whatever their loader raises
        raise BadInputError(
            f"the data of the task '{name}' cannot be loaded",
            why=type(error).__name__,
            fix="give this machine access to it (a hub's cache under HF_HOME, or files), or leave the task out",
        ) from None


def scores_of(name: str, found: dict[str, Any], settings: dict[str, Any]) -> SuiteScores:
    """What ``lm_eval.simple_evaluate`` returned, as scores of one suite. The digest is over documents, prompts and targets."""
    samples = found.get("samples", {})
    parts = [f"{task}:{one['doc_hash']}:{one['prompt_hash']}:{one['target_hash']}" for task in sorted(samples) for one in samples[task]]
    tables = {**found["results"], **found.get("groups", {})}
    metrics = {task: _metrics(task, values, found, settings) for task, values in tables.items()}
    total = metrics.get(name) or next(iter(metrics.values()), {})
    return SuiteScores(
        kind="lm_eval",
        digest=hashlib.sha256("\n".join(parts).encode()).hexdigest(),
        examples=sum(len(one) for one in samples.values()),
        metrics=total,
        categories={task: values for task, values in metrics.items() if task != name and values},
    )


def _metrics(task: str, values: dict[str, Any], found: dict[str, Any], settings: dict[str, Any]) -> dict[str, MetricValue]:
    better, shots = found.get("higher_is_better", {}).get(task, {}), found.get("n-shot", {}).get(task)
    used = {**settings, "task": task, "task version": found.get("versions", {}).get(task), "few-shot examples": shots}
    result = {}
    for key, value in values.items():
        metric, _, filtered = key.partition(",")
        if not filtered or metric.endswith("_stderr") or isinstance(value, bool) or not isinstance(value, int | float):
            continue
        error = values.get(f"{metric}_stderr,{filtered}")
        low = high = None
        if isinstance(error, int | float) and math.isfinite(error):
            low, high = value - 1.96 * error, value + 1.96 * error
            if 0 <= value <= 1:  # a share
                low, high = max(low, 0.0), min(high, 1.0)
        name = _NAMES.get(metric, metric)
        result.setdefault(
            name if filtered == "none" else f"{name}_{filtered}",
            MetricValue(
                value=float(value), higher_is_better=better.get(metric) is not False, settings={**used, "filter": filtered},
                low=low, high=high,
            ),
        )  # fmt: skip
    return result
