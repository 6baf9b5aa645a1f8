"""How well the training used its machine: the share of its peak, what was predicted beside what was measured, load and energy."""

from __future__ import annotations

import math
from types import SimpleNamespace

from .numbers import Numbers
from .run import Run
from .strings import words

GIB = 2**30


def resources(run: Run, language: str) -> SimpleNamespace:
    """Everything that the section needs beside the times of the steps; parts that were not measured are empty."""
    n, t = Numbers(language), words(language)
    return SimpleNamespace(predictions=predictions(run, n), facts=facts(run, n, t), events=events(run, n, t))


def predictions(run: Run, n: Numbers) -> list[SimpleNamespace]:
    """Memory and time as predicted and as measured, and measured / predicted."""
    tune = run.finetune
    rows = []
    memory, minutes = tune.predicted.get("memory_gib"), tune.predicted.get("minutes")
    if memory is not None and math.isfinite(memory):
        rows.append(("memory", n.size(round(memory * GIB)), n.size(tune.peak_memory_bytes), tune.peak_memory_bytes / GIB, memory))
    if minutes is not None and math.isfinite(minutes) and tune.training_seconds:
        rows.append(("time", n.duration(60 * minutes), n.duration(tune.training_seconds), tune.training_seconds / 60, minutes))
    return [
        SimpleNamespace(key=key, predicted=before, measured=after, ratio=n.percent(real / guess, 0) if guess > 0 else "")
        for key, before, after, real, guess in rows
    ]


def facts(run: Run, n: Numbers, t: SimpleNamespace) -> list[tuple[str, str, str]]:
    """(what, number, what is behind it)."""
    tune, load = run.finetune, run.finetune.utilisation
    rows = []
    if tune.share_of_peak:
        note = t.peak_note.format(flops=n.value(tune.matmul_flops / 1e9)) if tune.matmul_flops else ""
        rows.append((t.share_of_peak, n.percent(tune.share_of_peak), note))
    if tune.computed_share < 1:
        rows.append((t.spared, n.percent(1 - tune.computed_share), t.spared_note))
    if load:
        rows.append((t.cpu_load, n.percent(load.cpu_mean, 0), t.load_peak.format(peak=n.percent(load.cpu_peak, 0))))
        if load.gpu_mean is not None:
            rows.append((t.gpu_load, n.percent(load.gpu_mean, 0), t.load_peak.format(peak=n.percent(load.gpu_peak, 0))))
        if load.gpu_memory_peak is not None:
            rows.append((t.gpu_memory, n.percent(load.gpu_memory_peak, 0), t.gpu_memory_note))
        if load.energy_joules is not None:
            rows.append((t.energy, t.watt_hours.format(number=n.value(load.energy_joules / 3600)), t.energy_note))
    return rows


def events(run: Run, n: Numbers, t: SimpleNamespace) -> list[str]:
    """What happened on the way: interruptions, losses that exploded, memory that ran out."""
    tune = run.finetune
    steps = [", ".join(map(n.count, places)) for places in (tune.resumed_at, tune.rolled_back_at)]
    found = [
        (tune.resumed_at, n.counted(t.resumed, len(tune.resumed_at), steps=steps[0])),
        (tune.rolled_back_at, n.counted(t.rolled_back, len(tune.rolled_back_at), steps=steps[1])),
        (tune.out_of_memory, n.counted(t.halved, tune.out_of_memory, size=n.count(tune.micro_batch_size))),
    ]
    return [sentence for happened, sentence in found if happened]
