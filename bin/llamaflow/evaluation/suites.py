"""All suites of a run, and their items and answers as rows of the Parquet file (see examples.py). Nothing here runs a model."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import BadInputError, LlamaFlowError, ManyProblems
from ..records import Message, Record
from .checks import passes_all
from .choices import Chosen
from .items import Item, Suite
from .perturb import adversarial_suite
from .refusal import is_refusal
from .suite_files import load_suite, suite_name

FOLDER = Path(__file__).parents[3] / "conf" / "suites"
BUNDLED = ("edge", "general")
NAMES = ("edge", "adversarial", "general")


def check_names(names: Sequence[str]) -> list[str]:
    """The names in the order of NAMES, once each; ["none"] or nothing is an empty list. Raises BadInputError for an unknown one."""
    wanted = [name.strip() for name in names if name.strip()]
    for name in wanted:
        if name not in (*NAMES, "none"):
            near = difflib.get_close_matches(name, NAMES, n=1)
            fix = f"did you mean '{near[0]}'? " if near else ""
            raise BadInputError(
                f"there is no suite '{name[:40]}'",
                where="--suites",
                fix=f"{fix}known are {', '.join(NAMES)}, none; give files with --suite_files",
            )
    if "none" in wanted and len(wanted) > 1:
        raise BadInputError("'none' beside other suites", where="--suites", fix="leave one of them out")
    return [name for name in NAMES if name in wanted]


def build_suites(
    test_records: Sequence[Record], names: Sequence[str], files: Sequence[Path], seed: int, adversarial_limit: int = 0,
    folder: Path = FOLDER,
) -> list[Suite]:  # fmt: skip
    """The suites by name, in the order of NAMES, then the files' in the order given.

    test_records: what the adversarial suite is made from; give those whose clean answers are generated, so that each variant has its
    counterpart. folder: where the project's suites lie. Raises BadInputError or ManyProblems; all files are read before anything is raised.
    """
    problems: list[LlamaFlowError] = []
    suites: list[Suite] = []
    for name in check_names(names):
        if name == "adversarial":
            suites.append(adversarial_suite(test_records, seed, adversarial_limit))
        else:
            suites.append(load_suite(folder / f"{name}.jsonl", kind=name))
    taken: dict[str, Path] = {}
    for path in files:
        try:
            name = suite_name(path)
            if name in taken:
                why = f"{taken[name]} gives the same name"
                raise BadInputError(f"two suites are called '{name}'", where=str(path), why=why, fix="rename one of the files")
            taken[name] = path
            suites.append(load_suite(path))
        except ManyProblems as many:
            problems += many.problems
        except LlamaFlowError as problem:
            problems.append(problem)
    if problems:
        raise problems[0] if len(problems) == 1 else ManyProblems(problems)
    return suites


def item_row(suite: str, item: Item) -> dict[str, Any]:
    """The columns of SCHEMA that an item alone decides."""
    reference = item.choices[item.answer] if item.answer is not None else item.reference
    return {
        "suite": suite, "id": item.id, "cluster": item.cluster or item.id, "category": item.category, "lang": item.lang, "kind": item.kind,
        "prompt": shown(item.messages), "reference": reference,
    }  # fmt: skip


def rows_for_checks(suite: str, items: Sequence[Item], answers: Sequence[str], finished: Sequence[bool]) -> list[dict[str, Any]]:
    """Rows of check items with their generated answers: correct is 1 when every check passes."""
    return [
        {
            **item_row(suite, item), "prediction": answer, "correct": float(passes_all(item, answer)),
            "refused": float(is_refusal(answer)), "finished": float(done),
        }
        for item, answer, done in zip(items, answers, finished, strict=True)
    ]  # fmt: skip


def rows_for_choices(suite: str, items: Sequence[Item], chosen: Sequence[Chosen]) -> list[dict[str, Any]]:
    """Rows of choice items: the prediction is the option that the model expects most. nats stay empty: they are of options, not answers."""
    return [
        {**item_row(suite, item), "prediction": item.choices[one.choice], "correct": float(one.choice == item.answer)}
        for item, one in zip(items, chosen, strict=True)
    ]


def shown(prompt: Sequence[Message]) -> str:
    """A prompt for people: the bare text of a single turn, else one turn a line with its role."""
    return prompt[0].content if len(prompt) == 1 else "\n".join(f"{turn.role}: {turn.content}" for turn in prompt)
