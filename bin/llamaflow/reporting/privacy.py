"""What the privacy section shows: counts summed over the shards, intervals computed anew from the sums, and sentences for people."""

from __future__ import annotations

import math
from collections import Counter
from types import SimpleNamespace

from ..pii.second_look import wilson
from ..pii.spans import ENTITY_TYPES
from .names import cause, name
from .numbers import Numbers
from .run import Run, ranked
from .strings import words

# What the shipped policies leave in: by itself it names nobody. Any other type that a policy keeps is worth a warning.
NAMES_NOBODY = frozenset(["LOCATION", "ORGANIZATION", "DATE", "DOMAIN"])
# Types that the second look recognises by itself. Of the others it only sees whether a value that was found still stands somewhere.
READ_ANEW = frozenset(
    [
        "SECRET",
        "EMAIL",
        "IBAN",
        "CASE_NUMBER",
        "CNPJ",
        "CPF",
        "CREDIT_CARD",
        "CNS",
        "PIS",
        "VOTER_ID",
        "CNH",
        "RENAVAM",
        "SSN",
        "MAC_ADDRESS",
        "IP_ADDRESS",
        "PHONE",
    ]
)
PER = 10_000


def privacy(run: Run, language: str) -> SimpleNamespace:
    """Everything that the section needs."""
    n, t = Numbers(language), words(language)
    kept = sorted(run.left_in, key=ENTITY_TYPES.index)
    rows = type_rows(run, n)
    return SimpleNamespace(
        verdict=verdict(run, n, t),
        sound=not run.leaks,
        rows=[row for row in rows if row.found or row.leaks],
        absent=[row for row in rows if not (row.found or row.leaks)],
        planted=sum(row.planted for row in rows),
        planted_found=sum(row.planted_found for row in rows),
        suspected=suspected(run, n, t),
        quarantine=ranked_causes(run, language),
        harmless=[name(kind, language) for kind in kept if kind in NAMES_NOBODY],
        risky=[name(kind, language) for kind in kept if kind not in NAMES_NOBODY],
        fields=sum(count for shard in run.anonymize for count in shard.fields.values()),
        policies=", ".join(sorted({shard.policy for shard in run.anonymize})),
        keys=", ".join(sorted({shard.key_id for shard in run.anonymize})),
        reversible=any(shard.reversible for shard in run.anonymize),
    )


def type_rows(run: Run, n: Numbers) -> list[SimpleNamespace]:
    """A row for each entity type that was found, checked or planted: the most frequent first, equals in the order of the types.

    basis: 'anew' where the second look recognises the type by itself, 'estimate' for names, 'repeats' where it could not
    have seen a value that detection missed, so that there is no upper bound; '' for a type that was not checked.
    """
    # What the policy leaves in was found as well: the column beside says so.
    found = Counter(dict(run.entities))
    checked, leaks, planted, planted_found = (Counter() for _ in range(4))
    for shard in run.anonymize:
        found.update(shard.kept)
        for kind, rate in shard.proof.items():
            checked[kind] += rate.checked
            leaks[kind] += rate.leaks
        for kind, tally in shard.canaries.items():
            planted[kind] += tally.planted
            planted_found[kind] += tally.found
    guessed = suspected_sum(run)
    rows = []
    for kind in found.keys() | checked.keys() | planted.keys():
        seen, left, suspects = checked[kind], leaks[kind], 0
        basis = "anew" if kind in READ_ANEW else "repeats"
        if kind == "PERSON" and guessed.checked:
            seen, suspects, basis = guessed.checked, guessed.leaks, "estimate"
        rows.append(
            SimpleNamespace(
                kind=kind,
                found=found[kind],
                action=run.actions.get(kind, ""),
                basis=basis if seen else "",
                checked=seen,
                leaks=left,
                suspects=suspects,
                high=percent_up(wilson(min(left + suspects, seen), seen)[1], n) if seen and basis != "repeats" else "",
                planted=planted[kind],
                planted_found=planted_found[kind],
            )
        )
    rank = {kind: number for number, kind in enumerate(ENTITY_TYPES)}
    return sorted(rows, key=lambda row: (-row.found, rank.get(row.kind, len(rank)), row.kind))


def percent_up(share: float, n: Numbers) -> str:
    """A share as a percentage with two significant digits, rounded up: an upper bound must not shrink."""
    if share <= 0:
        return n.percent(0.0, 0)
    decimals = max(0, 1 - math.floor(math.log10(100 * share)))
    scale = 10**decimals
    return n.percent(min(math.ceil(round(100 * share * scale, 6)) / scale / 100, 1.0), decimals)


def bounds(hits: int, total: int, n: Numbers) -> dict[str, str]:
    """The 95 % interval in words' numbers: low and high of ``per``, rounded away from each other."""
    low, high = wilson(min(hits, total), total)
    return {"low": n.count(math.floor(low * PER)), "high": n.count(math.ceil(high * PER)), "per": n.count(PER)}


def verdict(run: Run, n: Numbers, t: SimpleNamespace) -> str:
    """One sentence: what was replaced, what was held back, what the second look found and how sure that is."""
    whole = run.pseudonymized
    values = {"count": n.count(run.replaced), "records": n.count(run.touched), "total": n.count(whole)}
    parts = [(t.v_replaced if run.replaced else t.v_nothing).format(**values)]
    parts.append(n.counted(t.v_held, run.quarantined) if run.quarantined else t.v_none_held)
    if whole:
        looked = n.counted(t.v_leaks, run.leaks, total=n.count(whole)) if run.leaks else t.v_clean.format(**values)
        parts.append(f"{looked}, {t.v_sure.format(**bounds(run.leaks, whole, n))}")
    return "; ".join(parts) + "."


def suspected_sum(run: Run) -> SimpleNamespace:
    """Words that look like names, and those with the replaced names, over all shards."""
    rates = [shard.suspected_names for shard in run.anonymize if shard.suspected_names]
    return SimpleNamespace(leaks=sum(rate.leaks for rate in rates), checked=sum(rate.checked for rate in rates))


def suspected(run: Run, n: Numbers, t: SimpleNamespace) -> str:
    """What is estimated of names that were missed; '' where no shard estimated it."""
    total = suspected_sum(run)
    if not total.checked:
        return ""
    high = percent_up(wilson(total.leaks, total.checked)[1], n)
    return n.counted(t.names_estimate, total.leaks, replaced=n.count(total.checked - total.leaks), high=high)


def ranked_causes(run: Run, language: str) -> list[tuple[str, int]]:
    """Why records were held back, in words, the most frequent first."""
    return [(cause(reason, language), count) for reason, count in ranked(shard.quarantined_by_reason for shard in run.anonymize)]
