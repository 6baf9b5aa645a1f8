#!/usr/bin/env python3
"""Find a person in records, data versions and adapters, and erase them (LGPD art. 18 VI; GDPR art. 17).

    erase.py --subject-file subject.txt --key vault:secret/llamaflow#key --runs results --registry results/registry \\
        --records chats.jsonl --report erase.json                                # a dry run: says what would be done
    erase.py … --apply --erasures erasures.json [--withdraw]                     # does it

Each line of the subject file is TYPE=VALUE, for example CPF=… or PERSON=…; '-' reads standard input. --subject does the
same on the command line, where other users of the machine and the shell's history see it. No value is ever written:
report and output name records by keyed id. Exit code 0: done, also when nothing was found; 3: the search or the
erasure is not complete, and the report says where; 2: bad input.
"""

from __future__ import annotations

import argparse
import datetime
import os
import sys
from collections import Counter
from pathlib import Path

from pydantic import BaseModel, Field

from llamaflow.erasure import (
    AdapterVerdict,
    RunSearch,
    Subject,
    add_erasures,
    judge_adapters,
    maps_of,
    parse_subject,
    place_records,
    search_run,
    still_shown,
    subject_hashes,
    withdraw,
)  # fmt: skip
from llamaflow.erasure_removal import find_in_registry, find_in_run, remove_from_registry, remove_from_run
from llamaflow.erasure_sources import SourceHit, search_sources
from llamaflow.errors import BadInputError, PrivacyError, run_step
from llamaflow.files import write_json
from llamaflow.pii.keys import read_key
from llamaflow.pii.reversal import MapWriter, read_identities, read_map, read_recipients
from llamaflow.pii.surrogates import Surrogates, key_id

DESTROYED = "destroyed"


class ErasureReport(BaseModel):
    """What was found and done. subjects: type -> identifiers; remaining: what people must do.

    removed: outdir or registry -> file -> entries (lines, rows, samples); a folder (its name ends in "/") was deleted and counts as one.
    """

    version: int = 1
    created: str
    applied: bool
    key_id: str = Field(description="fingerprint of the key; empty when it was destroyed")
    subjects: dict[str, int]
    records: dict[str, int] = Field(description="level (identifier, name, possible) -> records in the runs")
    possible_included: bool
    runs: list[RunSearch]
    adapters: list[AdapterVerdict]
    sources: list[SourceHit]
    to_remove: dict[str, dict[str, int]] = Field(description="of a dry run: what would be removed")
    removed: dict[str, dict[str, int]]
    remaining: list[tuple[str, str]] = Field(description="(code, where)")
    complete: bool


TEXTS = {
    "en": {
        "dry": "Dry run: nothing was changed.",
        "applied": "Applied.",
        "destroyed": "The key was destroyed. The keyed hashes in the audit lines cannot be computed again, by nobody, so no record, data "
        "version or adapter can be linked to this person any more (LGPD art. 12). Only the source files can be searched.",
        "records": "Records: {identifier} by identifier, {name} by name, {possible} possible (a part of the name or a shared value).",
        "run": "{outdir}: {found} record(s) of this person; {places}",
        "other_key": "{outdir}: pseudonymized with another key ({keys}): nothing can be found there with this one.",
        "changed": "{outdir}: its data files are not those that were trained on (summaries/split.json): who was in them is not known.",
        "retrain_or_withdraw": "{path}: RETRAIN OR WITHDRAW; trained on {trained} record(s) of this person",
        "re_evaluate": "{path}: re-evaluate; {measured} record(s) of this person in validation or test, none in training",
        "unaffected": "{path}: unaffected",
        "unknown": "{path}: NOT KNOWN; give the outdir of the run with data version {digest}, and its key",
        "withdrawn": "(withdrawn)",
        "source": "{file}:{line} ({how})",
        "sources": "Source lines to remove by hand: {count}",
        "to_remove": "{outdir}/{file}: {count} line(s), row(s) or sample(s) would be removed",
        "to_delete": "{outdir}/{file}: cached scores, would be deleted whole",
        "removed": "{outdir}/{file}: {count} line(s), row(s) or sample(s) removed",
        "deleted": "{outdir}/{file}: cached scores, deleted whole",
        "work": "delete Nextflow's work folder of these runs (nextflow clean -f): it holds raw and pseudonymized copies",
        "erasures": "give --erasures {where} to every further run, also with -resume; else a source line that is still there comes back",
        "report": "make this report anew or delete it, it shows a record: {where}",
        "map": "this reversal map holds the originals: delete it, or give --identity and --recipients to rewrite it: {where}",
        "backup": "backups and copies elsewhere are not known to this command",
        "remaining": "Left for people:",
        "incomplete": "NOT COMPLETE: see above.",
    },
    "pt": {
        "dry": "Simulação: nada foi alterado.",
        "applied": "Aplicado.",
        "destroyed": "A chave foi destruída. Ninguém consegue recalcular os hashes com chave da auditoria; nenhum registro, versão "
        "de dados ou adaptador pode mais ser ligado a esta pessoa (LGPD art. 12). Só os arquivos de origem podem ser pesquisados.",
        "records": "Registros: {identifier} por identificador, {name} por nome, {possible} possíveis (parte do nome ou valor comum).",
        "run": "{outdir}: {found} registro(s) desta pessoa; {places}",
        "other_key": "{outdir}: pseudonimizado com outra chave ({keys}): com esta nada pode ser encontrado ali.",
        "changed": "{outdir}: os arquivos de dados não são os do treino (summaries/split.json): não se sabe quem estava neles.",
        "retrain_or_withdraw": "{path}: RETREINAR OU RETIRAR; treinado com {trained} registro(s) desta pessoa",
        "re_evaluate": "{path}: reavaliar; {measured} registro(s) desta pessoa em validação ou teste, nenhum no treino",
        "unaffected": "{path}: não afetado",
        "unknown": "{path}: NÃO SE SABE; informe o outdir da execução com a versão de dados {digest}, e a chave dela",
        "withdrawn": "(retirado)",
        "source": "{file}:{line} ({how})",
        "sources": "Linhas de origem a remover manualmente: {count}",
        "to_remove": "{outdir}/{file}: {count} linha(s) ou amostra(s) seriam removidas",
        "to_delete": "{outdir}/{file}: pontuações em cache, seriam apagadas por inteiro",
        "removed": "{outdir}/{file}: {count} linha(s) ou amostra(s) removidas",
        "deleted": "{outdir}/{file}: pontuações em cache, apagadas por inteiro",
        "work": "apague a pasta work do Nextflow destas execuções (nextflow clean -f): ela guarda cópias brutas e pseudonimizadas",
        "erasures": "use --erasures {where} em toda execução futura, também com -resume; senão, uma linha de origem que ainda exista volta",
        "report": "refaça ou apague este relatório, ele mostra um registro: {where}",
        "map": "este mapa de reversão guarda os originais: apague-o, ou informe --identity e --recipients para reescrevê-lo: {where}",
        "backup": "cópias de segurança e cópias em outros lugares não são conhecidas por este comando",
        "remaining": "Fica para as pessoas:",
        "incomplete": "INCOMPLETO: veja acima.",
    },
}


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    group = parser.add_argument_group("who")
    group.add_argument("--subject", nargs="+", default=[], metavar="TYPE=VALUE", help="identifiers (visible to other users: better a file)")
    group.add_argument("--subject-file", default="", metavar="FILE", help="identifiers, one a line; - for standard input")
    group.add_argument(
        "--possible", action="store_true", help="take records for the person's that hold only a part of the name or a shared value"
    )
    group = parser.add_argument_group("where")
    group.add_argument("--key", required=True, metavar="KEY", help=f"file, env:NAME or vault:mount/path#field; or the word {DESTROYED}")
    group.add_argument("--runs", type=Path, nargs="+", required=True, metavar="OUTDIR", help="published runs")
    group.add_argument("--registry", type=Path, required=True, metavar="DIR")
    group.add_argument(
        "--records", nargs="+", default=[], metavar="FILE", help="the user's own files: lines that hold the person are named"
    )
    group.add_argument("--format", default="auto", help="of these files, as for the pipeline")
    group.add_argument("--mapping", default="", help="of these files, as for the pipeline")
    group = parser.add_argument_group("what to do")
    group.add_argument("--apply", action="store_true", help="remove the records from published files; without it: a dry run")
    group.add_argument("--erasures", type=Path, metavar="FILE", help="list that later runs honour (--erasures); needed with --apply")
    group.add_argument("--withdraw", action="store_true", help="with --apply: mark adapters that were trained on the person as withdrawn")
    group.add_argument("--identity", type=Path, metavar="FILE", help="with --apply: rewrite reversal maps, private age identity")
    group.add_argument("--recipients", nargs="+", default=[], metavar="AGE1", help="who can read the rewritten maps")
    group = parser.add_argument_group("output")
    group.add_argument("--report", type=Path, required=True, metavar="JSON")
    group.add_argument("--language", choices=sorted(TEXTS), default="en")
    return parser.parse_args(argv)


def subjects_of(args: argparse.Namespace) -> list[Subject]:
    """The person's identifiers. Raises BadInputError."""
    found = [parse_subject(text, f"--subject {number}") for number, text in enumerate(args.subject, 1)]
    if args.subject_file:
        try:
            text = sys.stdin.read() if args.subject_file == "-" else Path(args.subject_file).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "not UTF-8"
            raise BadInputError("the subject file cannot be read", where=args.subject_file, why=why) from None
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                found.append(parse_subject(line, f"{args.subject_file}:{number}"))
    if not found:
        raise BadInputError("no identifier was given", fix="give --subject-file with lines TYPE=VALUE")
    return found


def check(args: argparse.Namespace) -> None:
    """Refuse what does not go together. Raises BadInputError."""
    if args.apply and args.key == DESTROYED:
        raise BadInputError(
            "nothing can be erased without the key", where="--apply", fix="leave --apply out: the report says what that means"
        )
    if args.apply and not args.erasures:
        raise BadInputError(
            "--apply needs --erasures", why="without the list the next run brings the records back", fix="name a file for it"
        )
    if args.withdraw and not args.apply:
        raise BadInputError("--withdraw needs --apply")
    if bool(args.identity) != bool(args.recipients):
        raise BadInputError("--identity and --recipients belong together", fix="name all who shall read the rewritten maps")


def main(argv: list[str] | None = None) -> None:
    args = parse(argv)
    check(args)
    subjects = subjects_of(args)
    # Without the key a passing one serves to compare the source files with themselves.
    secret = os.urandom(32) if args.key == DESTROYED else read_key(args.key)
    fingerprint = "" if args.key == DESTROYED else key_id(secret)
    hashes = subject_hashes(Surrogates(secret), subjects)
    identities, recipients = (read_identities(args.identity), read_recipients(args.recipients)) if args.identity else ([], [])

    runs = [search_run(path, fingerprint, hashes) for path in args.runs]
    records = set().union(*(run.ids(args.possible) for run in runs))
    runs = [place_records(run, records) if run.status == "searched" else run for run in runs]
    adapters = judge_adapters(args.registry, runs, records)
    sources = search_sources(args.records, args.format, args.mapping, subjects, hashes, secret) if args.records else []

    # Everything is looked through before anything is changed: a file that cannot be read stops it here.
    found = {run.outdir: find_in_run(run, records) for run in runs if run.status != "other_key"}
    found[str(args.registry)] = find_in_registry(args.registry, records)

    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    if args.apply:
        # The list first: whatever stops the rest, what was found does not come back.
        listed = {digest for digest, level in hashes.items() if level != "possible"}
        add_erasures(args.erasures, fingerprint, listed, records)
        for run in runs:
            if run.status != "other_key":
                remove_from_run(run, found[run.outdir], records)
                if identities:
                    rewrite_maps(maps_of(run, records), records, identities, recipients)
        remove_from_registry(args.registry, found[str(args.registry)], records)
        for adapter in adapters:
            if args.withdraw and adapter.verdict == "retrain_or_withdraw":
                withdraw(Path(adapter.path), now)
        adapters = judge_adapters(args.registry, runs, records)

    report = ErasureReport(
        created=now,
        applied=args.apply,
        key_id=fingerprint,
        subjects=dict(Counter(subject.type for subject in subjects)),
        records=levels(runs),
        possible_included=args.possible,
        runs=runs,
        adapters=adapters,
        sources=sources,
        to_remove={} if args.apply else found,
        removed=found if args.apply else {},
        remaining=remaining(args, runs, records),
        complete=not fingerprint or all(run.status == "searched" for run in runs) and all(one.verdict != "unknown" for one in adapters),
    )
    write_json(args.report, report)
    print(text_of(report, TEXTS[args.language]))
    if not report.complete:
        fix = "see the report; then run again with the missing keys and outdirs"
        raise PrivacyError("the search is not complete", where=str(args.report), fix=fix)


def rewrite_maps(maps: list[Path], records: set[str], identities: list, recipients: list[str]) -> None:
    """Write reversal maps anew without these records."""
    for path in maps:
        with MapWriter(path, recipients) as rewritten:
            for entry in read_map(path, identities):
                if entry.record not in records:
                    rewritten.add(*entry)


def levels(runs: list[RunSearch]) -> dict[str, int]:
    """Distinct records of all runs by level."""
    best = {
        level: {name for run in runs for name, found in run.records.items() if found == level}
        for level in ("identifier", "name", "possible")
    }
    best["name"] -= best["identifier"]
    best["possible"] -= best["identifier"] | best["name"]
    return {level: len(names) for level, names in best.items()}


def remaining(args: argparse.Namespace, runs: list[RunSearch], records: set[str]) -> list[tuple[str, str]]:
    """What this command cannot do, or was not told to."""
    if not records:
        return []
    left = [("report", f"{run.outdir}/{name}") for run in runs for name in still_shown(run, records)]
    if not (args.apply and args.identity):
        left += [("map", str(path)) for run in runs for path in maps_of(run, records)]
    if args.apply:
        left.append(("erasures", str(args.erasures)))
    return [*left, ("work", ""), ("backup", "")]


def text_of(report: ErasureReport, texts: dict[str, str]) -> str:
    """The report for people."""
    lines = [texts["applied" if report.applied else "dry"]]
    if not report.key_id:
        lines.append(texts["destroyed"])
    else:
        lines.append(texts["records"].format(**report.records))
        for run in report.runs:
            if run.status in ("other_key", "changed"):
                lines.append(texts[run.status].format(outdir=run.outdir, keys=", ".join(run.key_ids)))
            if run.status != "other_key":
                places = ", ".join(f"{name} {count}" for name, count in sorted(Counter(run.places.values()).items())) or "-"
                lines.append(texts["run"].format(outdir=run.outdir, found=len(run.ids(report.possible_included)), places=places))
        for adapter in report.adapters:
            said = texts[adapter.verdict].format(
                path=adapter.path, trained=adapter.trained, measured=adapter.measured, digest=adapter.data_digest[:16]
            )
            lines.append(f"{said} {texts['withdrawn']}" if adapter.withdrawn else said)
    if report.sources:
        lines.append(texts["sources"].format(count=len(report.sources)))
        lines += ["  " + texts["source"].format(**hit.model_dump()) for hit in report.sources]
    for places, of_file, of_folder in ((report.to_remove, "to_remove", "to_delete"), (report.removed, "removed", "deleted")):
        for outdir, files in places.items():
            for file, count in files.items():
                lines.append(texts[of_folder if file.endswith("/") else of_file].format(outdir=outdir, file=file, count=count))
    if report.remaining:
        lines += [texts["remaining"], *("  - " + texts[code].format(where=where) for code, where in report.remaining)]
    if not report.complete:
        lines.append(texts["incomplete"])
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(run_step(main, private=True))
