"""Values that may be told, because everybody may know them: a support line, a company's own address."""

from __future__ import annotations

from pathlib import Path

from llamaflow.errors import BadInputError, ManyProblems

from .values import bare

_SHORTEST, _LONGEST = 4, 300


def read_public_values(path: Path | str) -> frozenset[str]:
    """Their bare forms, from a UTF-8 file with one value a line; empty lines and lines that begin with "# " are skipped.

    Raises BadInputError (ManyProblems) for what is no such file. A value that stands in the training data as a surrogate has to be
    listed as that surrogate.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise BadInputError("the file of public values does not exist", where=str(path), fix="give a text file, one value a line") from None
    except (IsADirectoryError, UnicodeDecodeError):
        fix = "save it as UTF-8 text, one value a line"
        raise BadInputError("the file of public values is not UTF-8 text", where=str(path), fix=fix) from None
    found, problems = set[str](), list[BadInputError]()
    for number, line in enumerate(text.splitlines(), 1):
        value = line.strip()
        if not value or value.startswith("# "):
            continue
        form = bare(value)
        if "\0" in value or not _SHORTEST <= len(form) <= _LONGEST:
            why = f"it has {len(form)} letters and digits; a value has {_SHORTEST} to {_LONGEST}"
            problems.append(
                BadInputError("this line is not a public value", where=f"{path}:{number}", why=why, fix="give one value a line")
            )
        found.add(form)
    if problems:
        raise problems[0] if len(problems) == 1 else ManyProblems(list(problems))
    if not found:
        fix = "list at least one value, or leave the option out"
        raise BadInputError("the file of public values is empty", where=str(path), fix=fix)
    return frozenset(found)
