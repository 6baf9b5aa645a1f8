"""What the next round changes: a recipe and a diagnosis in, a recipe and its reasons out. Pure.

The usual learning rate is that of "LoRA Without Regret" (Schulman and Thinking Machines Lab 2025): 5e-4 (2000 / hidden size)^0.781,
fitted there on Llama models and independent of the rank.
"""

from __future__ import annotations

import math
from typing import Any

from .diagnosis import Finding
from .recipe import Recipe
from .summaries import FinetuneSummary, RecipeChange, Round

LEAST_GAIN = 0.005  # a round helped when validation loss fell by this share, or fewer rules failed


def usual_learning_rate(hidden_size: int) -> float:
    """Where LoRA on a Llama of this width usually learns best; 5e-4 where the width is not known."""
    return 5e-4 * (2000 / hidden_size) ** 0.781 if hidden_size else 5e-4


def adjusted(finetune: FinetuneSummary, findings: list[Finding]) -> tuple[Recipe, list[RecipeChange]]:
    """The next round's recipe, and what it changes; no change where the first finding is nothing that a recipe can mend."""
    recipe = Recipe.model_validate(finetune.recipe)
    change = _CHANGES.get(findings[0].code) if findings else None
    wanted = change(recipe, finetune) if change else {}
    changes = [
        RecipeChange(name=name, before=getattr(recipe, name), after=value, reason=reason)
        for name, (value, reason) in wanted.items()
        if value != getattr(recipe, name)
    ]
    return Recipe.model_validate(recipe.model_dump() | {change.name: change.after for change in changes}), changes


def helped(rounds: list[Round]) -> bool:
    """Whether the last round is better than every one before it: fewer failed rules, or as many and a lower validation loss."""
    *earlier, last = rounds
    if not earlier:
        return True
    fewest = min(len(one.failed) for one in earlier)
    lowest = min((one.validation_loss for one in earlier if math.isfinite(one.validation_loss)), default=math.inf)
    return len(last.failed) < fewest or (len(last.failed) == fewest and last.validation_loss < (1 - LEAST_GAIN) * lowest)


def best(rounds: list[Round]) -> int:
    """Number of the round whose model goes on: by verdict, then failed rules, then validation loss; the earlier one of equals."""
    order = ("accepted", "needs_review", "rejected")

    def rank(one: Round) -> tuple[Any, ...]:
        loss = one.validation_loss if math.isfinite(one.validation_loss) else math.inf
        return (order.index(one.verdict), len(one.failed), loss, one.number)

    return min(rounds, key=rank).number


def _unstable(recipe: Recipe, finetune: FinetuneSummary) -> dict[str, tuple[Any, str]]:
    rate = _round(min(recipe.learning_rate / 4, usual_learning_rate(finetune.hidden_size)))
    return {
        "learning_rate": (rate, "steps were too large: a quarter of the rate, and no more than what is usual for a model of this width"),
        "warmup_ratio": (max(recipe.warmup_ratio, 0.1), "the first steps are the most fragile ones"),
        "max_grad_norm": (min(recipe.max_grad_norm, 1.0), "one odd example must not move the weights far"),
    }


def _recites(recipe: Recipe, finetune: FinetuneSummary) -> dict[str, tuple[Any, str]]:
    return _shorter(recipe, finetune, finetune.epochs / 2, "what is seen less often is remembered less") | {
        "lora_dropout": (max(0.1, recipe.lora_dropout), "dropout makes it harder to learn single texts by heart"),
        "deduplicate": (0.6 if not recipe.deduplicate else max(0.4, recipe.deduplicate - 0.1), "what repeats is what is recited"),
        "max_repeats": (
            4 if not recipe.max_repeats else max(1, recipe.max_repeats // 2),
            "a rare code or number that many records hold is recited",
        ),
    }


def _overfits(recipe: Recipe, finetune: FinetuneSummary) -> dict[str, tuple[Any, str]]:
    share = max(finetune.best_step, 1) / finetune.steps
    return _shorter(recipe, finetune, share * finetune.epochs, "training ends where validation loss was best") | {
        "learning_rate": (_round(recipe.learning_rate / 2), "smaller steps stop nearer to the best point"),
        "lora_dropout": (min(0.2, recipe.lora_dropout + 0.05), "dropout makes it harder to learn single texts by heart"),
    }


def _forgets(recipe: Recipe, _finetune: FinetuneSummary) -> dict[str, tuple[Any, str]]:
    rank = max(4, recipe.lora_rank // 2)
    return {
        "lora_rank": (rank, "a smaller adapter moves the base model less"),
        "lora_alpha": (recipe.lora_alpha * rank / recipe.lora_rank, "keeps alpha / rank"),
        "learning_rate": (_round(recipe.learning_rate / 2), "smaller steps stay nearer to the base model"),
        "replay_share": (min(0.5, recipe.replay_share + 0.15), "answers of the base model itself, learnt again beside the new ones"),
    }


def _undertrained(recipe: Recipe, finetune: FinetuneSummary) -> dict[str, tuple[Any, str]]:
    epoch = math.ceil(finetune.steps / finetune.epochs) if finetune.epochs else finetune.steps
    gained = 1 - finetune.validation_loss / finetune.validation_loss_start if finetune.validation_loss_start else 0.0
    usual = usual_learning_rate(finetune.hidden_size)
    changes: dict[str, tuple[Any, str]] = {}
    if recipe.max_steps:
        whole = math.ceil(recipe.epochs * epoch)
        steps = max(4 * finetune.steps, epoch)
        more = "the steps were too few" if finetune.epochs < 1 else "validation loss was still falling"
        changes["max_steps"] = (steps if steps < whole else 0, f"{more}: {'more of them' if steps < whole else 'all epochs of the recipe'}")
    elif gained < 0.02 and recipe.learning_rate < usual / 4:
        changes["learning_rate"] = (_round(usual), "almost nothing was learnt: the rate was far below what is usual")
    elif recipe.epochs < 8:
        changes["epochs"] = (min(8.0, 2 * recipe.epochs), "validation loss was still falling")
    else:
        changes |= _larger(recipe)
    return changes


def _plateau(recipe: Recipe, finetune: FinetuneSummary) -> dict[str, tuple[Any, str]]:
    usual = usual_learning_rate(finetune.hidden_size)
    if recipe.learning_rate < usual / 4:
        return {"learning_rate": (_round(usual), "the rate was far below what is usual for a model of this width")}
    return _larger(recipe)


def _larger(recipe: Recipe) -> dict[str, tuple[Any, str]]:
    """Twice the capacity, up to a rank of 128."""
    rank = max(recipe.lora_rank, min(128, 2 * recipe.lora_rank))
    return {
        "lora_rank": (rank, "a larger adapter can learn more"),
        "lora_alpha": (recipe.lora_alpha * rank / recipe.lora_rank, "keeps alpha / rank"),
    }


def _shorter(recipe: Recipe, finetune: FinetuneSummary, epochs: float, reason: str) -> dict[str, tuple[Any, str]]:
    """As long as so many epochs, in the recipe's own measure."""
    if recipe.max_steps:
        return {"max_steps": (max(1, math.ceil(finetune.steps * epochs / finetune.epochs)), reason)}
    return {"epochs": (min(recipe.epochs, max(0.5, round(epochs, 2))), reason)}


def _round(rate: float) -> float:
    """Two significant digits: a number that people can read."""
    return float(f"{rate:.2g}")


_CHANGES = {
    "unstable": _unstable,
    "recites": _recites,
    "overfits": _overfits,
    "forgets": _forgets,
    "undertrained": _undertrained,
    "plateau": _plateau,
}
