"""What became of the records, how long they are and how they were divided."""

from __future__ import annotations

from types import SimpleNamespace

from ..summaries import Lengths, Stratum
from .names import name
from .run import Run, ranked
from .strings import words


def funnel(run: Run, t: SimpleNamespace) -> list[SimpleNamespace]:
    """The stages from found to split, each with its records, its share of those found and what was removed."""
    prepare, split = run.prepare, run.split
    met = split.contamination.records if split.contamination else 0
    stages = [
        (t.found, prepare.records_in),
        (t.after_rejects, prepare.records_in - prepare.rejected),
        (t.after_exact, prepare.records_in - prepare.rejected - prepare.exact_duplicates),
        (t.after_near, prepare.kept),
        (t.pseudonymized_stage, run.pseudonymized + run.erased),
    ]
    if run.erased:
        stages.append((t.after_erased, run.pseudonymized))
    stages.append((t.after_split, run.pseudonymized - split.duplicates_removed))
    if split.contamination:
        stages.append((t.after_contamination, run.pseudonymized - split.duplicates_removed - met))
    if split.similar_removed:
        stages.append((t.after_similar, run.pseudonymized - split.removed))
    # What was divided is counted where it lies, not reckoned.
    stages[-1] = (stages[-1][0], split.train + split.validation + split.test)
    before = [stages[0][1], *(count for _label, count in stages)]
    return [
        SimpleNamespace(
            label=label,
            count=count,
            share=count / stages[0][1] if stages[0][1] else 0.0,
            removed=was - count,
            lost=max(was - count, 0) / (stages[0][1] or 1),
        )
        for (label, count), was in zip(stages, before, strict=False)
    ]


def set_rows(run: Run) -> list[SimpleNamespace]:
    """Train, validation and test with their shares and languages."""
    sizes = {key: getattr(run.split, key) for key in ("train", "validation", "test")}
    whole = sum(sizes.values()) or 1
    languages = {key: ranked([run.split.languages.get(key, {})]) for key in sizes}
    return [SimpleNamespace(key=key, count=count, share=count / whole, languages=languages[key]) for key, count in sizes.items()]


def length_rows(run: Run, language: str) -> list[tuple[str, str, Lengths]]:
    """(what is measured, of which records, lengths): words by language, then tokens of the training set."""
    t = words(language)
    rows = [
        (t.words, name(key, language), lengths) for key, lengths in sorted(run.prepare.words.items(), key=lambda item: -item[1].records)
    ]
    return rows + ([(t.tokens, t.train_set, run.finetune.tokens)] if run.finetune.tokens else [])


def strata(run: Run) -> list[Stratum]:
    """The strata, the largest first."""
    return sorted(run.split.strata, key=lambda row: (-row.train - row.validation - row.test, row.language, row.file, row.group))
