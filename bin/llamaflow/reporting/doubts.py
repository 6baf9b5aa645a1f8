"""What a person should look at: what cannot be right when the summaries are read together, and the warnings of the steps."""

from __future__ import annotations

import math
from collections import Counter

from .names import name, suite_name
from .numbers import Numbers
from .privacy import NAMES_NOBODY
from .run import Run
from .sentences import in_language
from .strings import words
from .translation import translated


def contradictions(run: Run, language: str) -> list[str]:
    """Sentences on what cannot be right when the summaries are read together."""
    n, t = Numbers(language), words(language)
    prepare, split, tune = run.prepare, run.split, run.finetune
    prepared = prepare.kept + prepare.rejected + prepare.exact_duplicates + prepare.near_duplicates
    anonymized = run.pseudonymized + run.quarantined + run.erased
    divided = split.train + split.validation + split.test + split.removed
    trained = tune.examples + tune.examples_dropped
    held = sum(count for shard in run.anonymize for count in shard.quarantined_by_reason.values())
    proved = sum(rate.leaks for shard in run.anonymize for rate in shard.proof.values())
    kept = sorted(set(run.left_in) - NAMES_NOBODY)
    curve = [number for point in tune.curve for number in (point.train_loss, point.validation_loss) if number is not None]
    numbers = [name(metric, language) for metric in disagreeing(run)]
    asked = {suite: {side.suites[suite].digest for side in run.sides if suite in side.suites} for suite in [*run.suites, "leak"]}
    mixed = [suite_name(suite, "", language) for suite, digests in asked.items() if len(digests) > 1]
    chosen = next((one for one in run.adjust.rounds if one.number == run.adjust.chosen), None) if run.adjust else None
    odd = sum(not math.isfinite(number) for number in curve)
    found = [
        (run.leaks, t.odd_leaks.format(count=n.count(run.leaks))),
        (run.base.data_digest != run.candidate.data_digest, t.odd_test_sets),
        (tune.base_digest != run.base_model.digest, t.odd_base),
        (run.register.verdict != run.verdict, t.odd_verdict.format(registered=run.register.verdict, gate=run.verdict)),
        (run.verdict == "accepted" and not run.register.version, t.odd_version),
        (prepared != prepare.records_in, t.odd_prepare.format(found=n.count(prepare.records_in), sum=n.count(prepared))),
        (anonymized != prepare.kept, t.odd_anonymize.format(kept=n.count(prepare.kept), sum=n.count(anonymized))),
        (divided != run.pseudonymized, t.odd_split.format(records=n.count(run.pseudonymized), sum=n.count(divided))),
        # A recipe may leave repeats out and add answers of the base model.
        (
            trained != split.train and not any(tune.recipe.get(key) for key in ("deduplicate", "max_repeats", "replay_share")),
            t.odd_trained.format(train=n.count(split.train), sum=n.count(trained)),
        ),
        (held != run.quarantined, t.odd_held.format(held=n.count(run.quarantined), sum=n.count(held))),
        (proved != run.leaks, t.odd_proof.format(leaks=n.count(run.leaks), sum=n.count(proved))),
        (run.touched > run.pseudonymized, t.odd_touched),
        (kept, t.odd_kept.format(types="; ".join(name(kind, language) for kind in kept))),
        (len({(shard.policy_sha256, shard.key_id) for shard in run.anonymize}) > 1, t.odd_policy),
        (numbers, t.odd_compare.format(metrics=", ".join(numbers))),
        (mixed, t.odd_suites.format(suites=", ".join(mixed))),
        (
            chosen and chosen.verdict != run.verdict,
            chosen and t.odd_round.format(number=chosen.number, noted=getattr(t, chosen.verdict), gate=getattr(t, run.verdict)),
        ),
        (odd, t.odd_curve.format(count=n.count(odd))),
    ]
    return [sentence for wrong, sentence in found if wrong]


def disagreeing(run: Run) -> list[str]:
    """Metrics of which COMPARE and EVALUATE have different numbers."""
    found = []
    for compared, reference in ((run.compare_base, run.base), (run.compare_production, run.production)):
        for row in compared.differences if compared else []:
            sides = ((row.candidate, run.candidate), (row.reference, reference))
            told = [(number, side.of(row.suite).get(row.metric)) for number, side in sides if side]
            if any(there and not math.isclose(number, there.value, rel_tol=1e-6, abs_tol=1e-9) for number, there in told):
                found.append(row.metric)
    return list(dict.fromkeys(found))


def warnings(run: Run, language: str) -> list[tuple[str, str, int]]:
    """(step, sentence, how often) of all steps in the order of the run; the report's own findings first."""
    rows = [("report", sentence, 1) for sentence in contradictions(run, language)]
    for step, parts in run.steps:
        rows += [
            (step, sentence, count)
            for sentence, count in Counter(
                in_language(translated(text, language), language) for part in parts for text in part.warnings
            ).items()
        ]
    return rows
