"""The closing summary on the terminal: about a dozen aligned lines of at most 100 columns."""

from __future__ import annotations

import textwrap
from pathlib import PurePosixPath

from .doubts import warnings
from .leak import leak_line
from .names import name
from .numbers import Numbers, clean, decimals_for
from .privacy import bounds
from .reason import reason
from .rounds import story
from .run import Run, change
from .strings import words
from .suites import suite_lines

WIDTH = 100
MAX_METRICS = 6
MAX_TYPES = 5
MAX_LABEL = 26


def closing(run: Run, language: str, outdir: str, report: str) -> str:
    """The summary as text with a final newline.

    outdir: the folder of results as the user named it, for the paths shown; report: the page's file name.
    """
    n, t = Numbers(language), words(language)
    prepare, split, tune = run.prepare, run.split, run.finetune
    kept = [t.t_kept.format(count=n.count(prepare.kept)), t.t_rejected.format(count=n.count(prepare.rejected))]
    duplicates = t.t_duplicates.format(exact=n.count(prepare.exact_duplicates), near=n.count(prepare.near_duplicates))
    rows = [
        (t.t_why, reason(run, language)),
        *([(t.t_rounds, told)] if (told := story(run, language)) else []),
        (t.t_records, f"{t.t_found.format(count=n.count(prepare.records_in))} → {', '.join([*kept, duplicates])}"),
        (t.t_personal, personal(run, language)),
        (t.t_proof, proof(run, language)),
        (t.t_sets, t.t_split.format(**{key: n.count(getattr(split, key)) for key in ("train", "validation", "test")})),
        (
            t.t_loss,
            t.t_loss_text.format(
                start=n.value(tune.validation_loss_start, decimals_for(tune.validation_loss_start, tune.validation_loss)),
                end=n.value(tune.validation_loss, decimals_for(tune.validation_loss_start, tune.validation_loss)),
                best=n.count(tune.best_step),
                steps=n.count(tune.steps),
            ),
        ),
        *metric_lines(run, language),
        *([(t.t_suites, "; ".join(lines))] if (lines := suite_lines(run, language)) else []),
        *([(t.t_leak, line)] if (line := leak_line(run, language)) else []),
        (t.t_model, t.t_registered.format(version=run.register.version) if run.register.version else t.not_registered),
        (t.t_adapter, shown_path(outdir, run.register.path)),
        (t.t_report, shown_path(outdir, report)),
    ]
    alerts = warnings(run, language)
    if alerts:
        rows.append((t.t_warnings, t.t_warnings_text.format(count=n.count(len(alerts)))))
    rows = [(clip(clean(label), MAX_LABEL), clean(text).replace("\n", " ").replace("\t", " ")) for label, text in rows]
    column = max(len(label) for label, _text in rows) + 2
    verdict, title = getattr(t, run.verdict).upper(), f"LlamaFlow · {clean(run.name)}"
    room = WIDTH - len(verdict) - 2
    lines = [f"{clip(title, room):<{WIDTH - len(verdict)}}{verdict}", "─" * WIDTH]
    for label, text in rows:
        wrapped = textwrap.wrap(text, WIDTH - column, break_on_hyphens=False) or [""]
        lines += [f"{label if number == 0 else '':<{column}}{part}" for number, part in enumerate(wrapped)]
    return "\n".join([*lines, "─" * WIDTH]) + "\n"


def clip(text: str, width: int) -> str:
    """At most ``width`` characters on one line."""
    text = " ".join(text.split())
    return text if len(text) <= width else text[: width - 1] + "…"


def personal(run: Run, language: str) -> str:
    """What was replaced, by type, and what stayed behind."""
    n, t = Numbers(language), words(language)
    if run.replaced:
        types = [f"{name(key, language)} {n.count(count)}" for key, count in run.entities[:MAX_TYPES]]
        more = [t.more_rows.format(count=n.count(len(run.entities) - MAX_TYPES))] if len(run.entities) > MAX_TYPES else []
        text = f"{t.t_replaced.format(count=n.count(run.replaced), records=n.count(run.touched))}: {', '.join(types + more)}"
    else:
        text = t.t_none
    ends = [n.counted(t.t_quarantined, run.quarantined)] if run.quarantined else []
    ends += [n.counted(t.t_erased, run.erased)] if run.erased else []
    return "; ".join([text, *ends])


def proof(run: Run, language: str) -> str:
    """What the second look and the planted records say, and what the data is by law."""
    n, t = Numbers(language), words(language)
    tallies = [tally for shard in run.anonymize for tally in shard.canaries.values()]
    parts = [t.t_leaks.format(count=n.count(run.leaks)).upper() if run.leaks else t.t_clean]
    if run.pseudonymized:
        parts[0] += f" ({t.t_sure.format(**bounds(run.leaks, run.pseudonymized, n))})"
    if tallies:
        found, planted = sum(tally.found for tally in tallies), sum(tally.planted for tally in tallies)
        parts.append(t.t_planted.format(found=n.count(found), planted=n.count(planted)))
    parts.append(t.t_status.format(key=", ".join(sorted({shard.key_id for shard in run.anonymize}))))
    parts.append(t.t_reversible if any(shard.reversible for shard in run.anonymize) else t.t_not_reversible)
    return "; ".join(parts)


def metric_lines(run: Run, language: str) -> list[tuple[str, str]]:
    """One aligned line for each main metric: base → candidate, relative change, better or worse."""
    n, t = Numbers(language), words(language)
    cells = []
    for metric in run.metric_names[:MAX_METRICS]:
        both = change(run, metric)
        sides = [side.value if side else None for side in (both.base, both.candidate)]
        decimals = decimals_for(*sides)
        shown = [n.value(side, decimals) for side in sides]
        moved = n.percent(both.relative, signed=True) if both.relative is not None else ""
        doubt = f" ({t.overlap})" if both.overlap and both.judgement in ("better", "worse") else ""
        cells.append((name(metric, language), *shown, moved, getattr(t, both.judgement) + doubt))
    widths = [max((len(cell[column]) for cell in cells), default=0) for column in range(4)]
    return [(label, f"{base:>{widths[1]}} → {new:>{widths[2]}}   {moved:>{widths[3]}}   {word}") for label, base, new, moved, word in cells]


def shown_path(outdir: str, path: str) -> str:
    """A path below the results folder unless it is complete by itself."""
    if "://" in path or path.startswith("/") or not outdir:
        return path
    return f"{outdir.rstrip('/')}/{path}" if "://" in outdir else str(PurePosixPath(outdir) / path)
