"""The story of the rounds: what each was trained with, what came out, what was concluded, and why the loop ended."""

from __future__ import annotations

import math
from collections import Counter
from types import SimpleNamespace

from markupsafe import Markup

from ..summaries import AdjustSummary, RecipeChange, Round, RuleResult
from .charts import finite
from .names import LANGUAGES, name, suite_name
from .numbers import Numbers, decimals_for
from .reason import limit as limit_words
from .round_chart import round_chart
from .rounds_strings import DIAGNOSES, FIELDS, REASONS
from .run import Run, decimals_of
from .sentences import in_language
from .strings import words

# Named in a sentence; the page lists all of them.
MAX_CHANGES = 3
MAIN_FIELDS = ("method", "learning_rate", "epochs", "max_steps", "lora_rank", "lora_dropout")


def rounds(run: Run, language: str) -> SimpleNamespace | None:
    """Everything that the section needs; None where the first round was accepted at once or there is no loop."""
    if run.adjust is None or not told(run.adjust):
        return None
    t, adjust = words(language), run.adjust
    before: list[Round | None] = [None, *adjust.rounds]
    return SimpleNamespace(
        several=len(adjust.rounds) > 1,
        story=story(run, language) if len(adjust.rounds) > 1 else "",
        rows=[row(run, one, last, language) for one, last in zip(adjust.rounds, before, strict=False)],
        ended=getattr(t, f"stopped_{adjust.stopped or 'next'}"),
        chosen=adjust.chosen,
        most=adjust.max_rounds,
        table=metric_rows(adjust, language),
        charts=charts(run, language) if len(adjust.rounds) > 1 else [],
    )


def told(adjust: AdjustSummary) -> bool:
    """Whether there is more to say than that the first round passed."""
    return len(adjust.rounds) > 1 or any(one.verdict == "rejected" or one.diagnosis for one in adjust.rounds)


def story(run: Run, language: str) -> str:
    """One sentence for a manager; '' with one round only."""
    n, t, adjust = Numbers(language), words(language), run.adjust
    if adjust is None or len(adjust.rounds) < 2:
        return ""
    parts = []
    for number, one in enumerate(adjust.rounds):
        parts.append(outcome(one, n, t, language))
        if number + 1 < len(adjust.rounds):
            parts += [changed(change, n, t, language) for change in one.changes[:MAX_CHANGES]]
            if len(one.changes) > MAX_CHANGES:
                parts.append(n.counted(t.s_more_changes, len(one.changes) - MAX_CHANGES))
    if adjust.chosen != adjust.rounds[-1].number:
        parts.append(t.s_chosen.format(number=n.count(adjust.chosen)))
    sentence = "; ".join(parts)
    return f"{sentence[:1].upper()}{sentence[1:]}."


def outcome(one: Round, n: Numbers, t: SimpleNamespace, language: str) -> str:
    """'round 1 was rejected because its training was unstable'."""
    if one.verdict != "rejected":
        return getattr(t, f"s_{one.verdict}").format(number=n.count(one.number))
    why = next((clause for code in one.diagnosis if (clause := diagnosis(code, language).why)), "")
    if not why and one.failed:
        why = n.counted(t.s_rules, len(one.failed), names=", ".join(f"“{rule}”" for rule in one.failed))
    return (t.s_rejected if why else t.s_rejected_plain).format(number=n.count(one.number), why=why)


def diagnosis(code: str, language: str) -> SimpleNamespace:
    """A diagnosis in words; one that is not listed keeps its code as the title."""
    column = LANGUAGES.index(language)
    title, why, means = DIAGNOSES.get(code, ((code.replace("_", " "),) * 2, ("", ""), ("", "")))
    return SimpleNamespace(title=title[column], why=why[column], means=means[column])


def field(key: str, language: str) -> tuple[str, str]:
    """A recipe field with its article in the language, and its article in Portuguese."""
    english, portuguese, article = FIELDS.get(key, (key, key, "o"))
    return (portuguese if language == "pt" else english), article


def changed(change: RecipeChange, n: Numbers, t: SimpleNamespace, language: str) -> str:
    """'the learning rate was lowered (0.02 → 0.0002)'."""
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (change.before, change.after))
    moved = numbers and change.after != change.before
    done = t.done_changed if not moved else t.done_raised if change.after > change.before else t.done_lowered
    shown, article = field(change.name, language)
    done = done.split("|")[article == "a"]
    return t.s_change.format(field=shown, done=done, before=n.setting(change.before), after=n.setting(change.after))


def row(run: Run, one: Round, last: Round | None, language: str) -> SimpleNamespace:
    """One round; last is the one before it, whose changes it was trained with."""
    n, t = Numbers(language), words(language)
    changes = last.changes if last else []
    listed = {change.name for change in changes}
    keys = [*one.recipe, *(key for key in (last.recipe if last else {}) if key not in one.recipe)] if last else []
    other = [(key, last.recipe.get(key), one.recipe.get(key)) for key in keys if last.recipe.get(key) != one.recipe.get(key)]
    other += [("seed", last.seed, one.seed)] if last and last.seed != one.seed else []
    return SimpleNamespace(
        round=one,
        tone={"accepted": "good", "rejected": "bad", "needs_review": "warn"}[one.verdict],
        verdict=getattr(t, f"round_{one.verdict}"),
        changes=[SimpleNamespace(text=changed(change, n, t, language), why=why(change, last, t, language)) for change in changes],
        other=[(label(key, language), n.setting(before), n.setting(after)) for key, before, after in other if key not in listed],
        recipe=[(label(key, language), n.setting(one.recipe[key])) for key in MAIN_FIELDS if key in one.recipe] if not last else [],
        diagnoses=[diagnosis(code, language) for code in one.diagnosis],
        findings=[finding(text, language) for text in one.findings],
        reason=in_language(one.reason, language) if language == "en" or one.verdict == "rejected" else "",
    )


def why(change: RecipeChange, last: Round | None, t: SimpleNamespace, language: str) -> str:
    """Why a value was changed: ADJUST's sentence, or what diagnosis and field make of it in another language."""
    if language == "en" or last is None:
        return f"{change.reason[:1].upper()}{change.reason[1:]}{'' if change.reason.endswith('.') else '.'}" if change.reason else ""
    known = next((REASONS[code, change.name] for code in last.diagnosis if (code, change.name) in REASONS), "")
    return known or (t.for_diagnosis.format(title=diagnosis(last.diagnosis[0], language).title) if last.diagnosis else "")


def finding(text: str, language: str) -> tuple[str, str]:
    """(sentence, its language where that is not the page's): what nobody translated stays English and is marked so."""
    there = in_language(text, language)
    return there[:1].upper() + there[1:], "en" if language != "en" and there == text else ""


def label(key: str, language: str) -> str:
    """A recipe field for a list, without its article."""
    text = field(key, language)[0]
    start = next((article for article in ("the ", "o ", "a ") if text.startswith(article)), "")
    return text.removeprefix(start)[:1].upper() + text.removeprefix(start)[1:]


def split_key(key: str) -> tuple[str, str]:
    """(suite, metric) of 'suite.metric'; numbers of the training have a dot of their own."""
    suite, found, metric = key.partition(".finetune.")
    return (suite, f"finetune.{metric}") if found else tuple(key.rpartition(".")[::2])


def metric_label(key: str, language: str) -> str:
    """'Right answers · General abilities'; the test set goes without saying."""
    suite, metric = split_key(key)
    return name(metric, language) if suite in ("test", "") else f"{name(metric, language)} · {suite_name(suite, '', language)}"


def metric_rows(adjust: AdjustSummary, language: str) -> list[SimpleNamespace]:
    """Validation loss, then each judged metric, with its number in every round; None where a round lacks it."""
    t = words(language)
    keys = list(dict.fromkeys(key for one in adjust.rounds for key in one.metrics))
    losses = [one.validation_loss for one in adjust.rounds]
    rows = [SimpleNamespace(label=t.validation_loss_long, values=losses, decimals=decimals_for(*losses))]
    for key in keys:
        values = [one.metrics.get(key) for one in adjust.rounds]
        decimals = decimals_of(split_key(key)[1], *values)
        rows.append(SimpleNamespace(label=metric_label(key, language), values=values, decimals=decimals))
    return rows


def charts(run: Run, language: str) -> list[Markup]:
    """The metric that decided, with the gate's limit, and validation loss, against the round."""
    rows, rule, drawn = run.adjust.rounds, deciding(run), []
    if rule:
        key = f"{rule.suite}.{rule.metric}"
        drawn.append(chart(run, key, [(one.number, one.metrics.get(key)) for one in rows], rule, language))
    drawn.append(chart(run, "", [(one.number, one.validation_loss) for one in rows], None, language))
    return [item for item in drawn if item]


def deciding(run: Run) -> RuleResult | None:
    """Of the rules that more than one round has a number for, the one that most rounds did not hold, and of equals the first."""
    failed = Counter(rule for one in run.adjust.rounds for rule in set(one.failed))

    def counted(rule: RuleResult) -> int:
        values = [one.metrics.get(f"{rule.suite}.{rule.metric}") for one in run.adjust.rounds]
        return sum(value is not None and math.isfinite(value) for value in values)

    usable = [rule for rule in run.gate.rules if counted(rule) > 1]
    return max(usable, key=lambda rule: failed[rule.name], default=None)


def chart(run: Run, key: str, raw: list[tuple[int, float | None]], rule: RuleResult | None, language: str) -> Markup:
    """One chart; rule gives the limit that the number has to reach."""
    n, t = Numbers(language), words(language)
    points, title = finite(raw), metric_label(key, language) if key else t.validation_loss_long
    limit = rule.threshold if rule and rule.threshold is not None and math.isfinite(rule.threshold) else None
    decimals = decimals_of(split_key(key)[1], *(y for _x, y in points), limit)
    bound = limit_words(rule, n, t, decimals) if limit is not None else ""
    told = ", ".join(f"{n.count(x)}: {n.value(y, decimals)}" for x, y in points)
    return round_chart(
        points,
        lambda value: n.value(value, decimals),
        title=title,
        log_title=t.log_scale.format(metric=title),
        limit=limit,
        said=bound,
        label=t.round_chart.format(metric=title, values=told) + (f"; {bound}" if bound else ""),
        name=lambda number: t.round.format(number=n.count(number)),
        chosen=run.adjust.chosen,
    )
