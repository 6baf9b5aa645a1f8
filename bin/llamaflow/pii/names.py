"""PERSON: names found by gazetteer, by what stands around them, and by having been found once in the conversation.

One pass over the words of a text; every rule starts at a word that a dictionary marks, so plain text costs one
dictionary look-up a word. Rules of both languages always run: a Brazilian conversation is full of English and back.
"""

from __future__ import annotations

import re

from .lexicon import COMMON, CUE, FIRST, LAST, NAME, PARTICLE, PLACE, PREFIX, SUFFIX, TITLE, WEAK, lexicon
from .spans import Folded, Span

_WORD = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
_MAX_WORDS = 7
_VERB_ENDING = re.compile(r"(?:ndo|mente|coes|cao|ava|avam|eria|aria|ing|tion|ment|ness|ed)$")


class _Text:
    """The words of one folded text, with what the rules ask about them."""

    def __init__(self, folded: Folded):
        self.folded = folded
        self.plain, self.low = folded.plain, folded.low
        flags = lexicon().flags
        self.at = [match.span() for match in _WORD.finditer(self.low)]
        self.words = [self.low[start:end] for start, end in self.at]
        self.flags = [flags.get(word) or self._compound(word, flags) for word in self.words]
        self.found: dict[int, tuple[int, str]] = {}

    @staticmethod
    def _compound(word: str, flags: dict[str, int]) -> int:
        """Flags of what no list has as a whole: "lloyd-evans", "maria's"."""
        if "'" in word and word.endswith("'s"):
            return flags.get(word[:-2], 0)
        if "-" in word:
            parts = [flags.get(part, 0) for part in word.split("-")]
            if all(part & NAME and not part & (COMMON | PLACE) for part in parts):
                return parts[0] & NAME | parts[-1] & NAME
        return 0

    def end(self, index: int) -> int:
        """Where the word ends, an English possessive left out."""
        return self.at[index][1] - (2 if self.words[index].endswith("'s") else 0)

    def capital(self, index: int) -> bool:
        """Capitalised, and not because everything around is in capitals."""
        start, end = self.at[index]
        if not self.plain[start].isupper():
            return False
        return end - start == 1 or not self.plain[start:end].isupper() or not self._shouting(index)

    def _shouting(self, index: int) -> bool:
        near = [i for i in (index - 1, index + 1, index - 2, index + 2) if 0 <= i < len(self.at)]
        others = [self.plain[slice(*self.at[i])] for i in near if self.at[i][1] - self.at[i][0] > 2]
        return bool(others) and all(other.isupper() for other in others[:2])

    def upper(self, index: int) -> bool:
        return self.plain[self.at[index][0]].isupper()

    def starts_sentence(self, index: int) -> bool:
        """Nothing, or the end of a sentence or line, stands before the word."""
        start = self.at[index][0]
        before = self.low[max(0, start - 6) : start].rstrip(" \t\"'(*_-")
        return not before if start <= 6 else before == "" or before[-1] in ".!?\n:;>|" and not self._initial(index - 1)

    def _initial(self, index: int) -> bool:
        return index >= 0 and self.at[index][1] - self.at[index][0] <= 3 and bool(self.flags[index] & TITLE)

    def gap(self, index: int) -> str:
        """What stands between a word and the next one."""
        return self.low[self.at[index][1] : self.at[index + 1][0]]

    def joined(self, index: int) -> bool:
        """The next word goes on with the same name: one space, or the dot of an initial."""
        if index + 1 >= len(self.at):
            return False
        gap = self.gap(index)
        if gap in (" ", "  "):
            return True
        return gap == ". " and self.at[index][1] - self.at[index][0] == 1

    def close(self, index: int) -> str:
        """The first mark behind a word that is no space ('' at the end of the text)."""
        tail = self.low[self.at[index][1] : self.at[index][1] + 3].lstrip(" \t")
        return tail[:1]

    def nameable(self, index: int, lower_unknown: bool) -> bool:
        """Whether the word may go on a name that has begun."""
        flags = self.flags[index]
        if flags & (SUFFIX | TITLE | CUE) and not flags & NAME:
            return False
        if self.capital(index):
            return bool(flags & NAME) or not flags & COMMON
        if flags & WEAK:
            # "thanks, olivia walker" closes; "maria para de ligar" goes on.
            if self.joined(index) and self.flags[index + 1] & (PARTICLE | NAME) and not self.flags[index + 1] & (WEAK | CUE):
                return bool(flags & LAST)
            return self.close(index) in ("", "\n", ",", ".", ";", "(", ")") and not flags & PARTICLE
        if flags & NAME:
            return not flags & COMMON or bool(flags & LAST)
        return lower_unknown and not flags and len(self.words[index]) > 2 and not _VERB_ENDING.search(self.words[index])

    def grow(self, index: int, lower_unknown: bool = False) -> int:
        """The last word of the name that begins at a word; particles only between names."""
        last, here = index, index
        while here + 1 < len(self.at) and last - index < _MAX_WORDS and self.joined(here):
            here += 1
            flags = self.flags[here]
            if flags & PARTICLE and not flags & LAST or self.words[here] in ("e", "d", "da", "de", "do"):
                if here - last > 1 or self.words[here] == "e":
                    break
                continue
            single = self.at[here][1] - self.at[here][0] == 1
            if single and self.upper(here) and self.words[here] not in ("a", "o", "e", "i"):
                last = here
                continue
            if single or not self.nameable(here, lower_unknown):
                break
            last = here
        return last

    def take(self, first: int, last: int, rule: str) -> None:
        """Mark words as one name, unless a part of it is one already."""
        for index in range(first, last + 1):
            if index in self.found:
                return
        for index in range(first, last + 1):
            self.found[index] = (first, rule)
        self.found[first] = (first, rule)


def _cues(text: _Text) -> None:
    """Names by what is said before them."""
    cues, flags, count = lexicon().cues, text.flags, len(text.at)
    index = 0
    while index < count:
        if not flags[index] & CUE:
            index += 1
            continue
        for words, kinds in cues.get(text.words[index], ()):
            size = len(words)
            if index + size < count and (size == 1 or tuple(text.words[index : index + size]) == words):
                for kind in kinds:
                    _after_cue(text, index + size, kind, index)
                break
        index += 1


_GAPS = {
    "full": re.compile(r"[ \t]*(?:[:=\-]|[eé] )?[ \t]*[\"'*_]{0,2}"),
    "soft": re.compile(r"[ \t]*[:\-,.]?[ \t]*[\"'*_]{0,2}"),
    "greet": re.compile(r"[ \t]*[,!.]?[ \t]*"),
    "sign": re.compile(r"[ \t]*[,.!;:\-]{0,2}\s*[\-~*_]{0,2}[ \t]*"),
}
# What may stand behind a name that is complete.
_CLOSED = ("", ",", "!", ".", "\n", ":", ";", "?", "(", ")")


def _after_cue(text: _Text, index: int, kind: str, cue: int) -> None:
    gap = text.gap(index - 1)
    if not _GAPS[kind].fullmatch(gap) or index in text.found:
        return
    article = kind != "sign" and text.words[index - 1] in ("o", "a")
    skipped = 0
    while (
        index + 1 < len(text.at)
        and skipped < 3
        and (
            text.flags[index] & TITLE or (text.words[index] in ("o", "a", "e", "eh", "is", "the", "do", "da") and kind in ("full", "soft"))
        )
    ):
        if not re.fullmatch(r"[ .:]{1,3}", text.gap(index)):
            return
        article = article or text.words[index] in ("o", "a")
        index, skipped = index + 1, skipped + 1
    flags, word, capital = text.flags[index], text.words[index], text.capital(index)
    if len(word) < 2 or index in text.found or flags & (PREFIX | SUFFIX) and not flags & NAME:
        return
    if flags & PARTICLE and not flags & NAME:
        return
    rule = f"person.{kind}"
    if "." in gap and kind == "soft" and not flags & NAME:
        return
    last = text.grow(index, lower_unknown=not capital and kind in ("full", "sign"))
    two = last > index
    if flags & NAME:
        if flags & COMMON and not (capital or kind == "full" or two):
            return
        if flags & (COMMON | PLACE) and kind in ("greet", "sign", "soft") and not two:
            # "Hi Mark," but not "Thanks. Will you …", "sou de Santos", "from Salvador"
            closed = text.close(index) in _CLOSED
            if not capital or (not closed and not article) or (flags & PLACE and text.words[cue] in ("from", "sou", "i", "am")):
                return
        text.take(index, last, rule)
        return
    if flags & COMMON or flags & (CUE | TITLE):
        return
    if kind == "full":
        text.take(index, last, rule)
    elif kind == "soft":
        asked = ":" in gap or article
        start, end = text.at[index]
        if end - start < 5 and text.plain[start:end].isupper() and not two:
            return
        if capital and not (text.words[cue] in ("from", "its", "it", "customer", "agent", "name", "nome") and not asked and not two):
            text.take(index, last, rule)
        elif not capital and ":" in gap and text.close(text.grow(index, lower_unknown=True)) in ("", "\n"):
            text.take(index, text.grow(index, lower_unknown=True), rule)
        elif (
            not capital
            and article
            and text.words[cue] in ("aqui", "sou", "eu", "quem", "falei", "falar", "falando", "falo")
            and not _VERB_ENDING.search(word)
        ):
            longer = text.grow(index, lower_unknown=True)
            text.take(index, longer if text.close(longer) in _CLOSED else last, rule)
    elif kind == "greet":
        if gap.strip() in ("!", "."):
            # The capital is that of a new sentence.
            return
        if text.close(last) in _CLOSED and (
            capital or len(word) > 3 and text.gap(index - 1).strip() == "" and text.close(last) in (",", "!") and last == index
        ):
            text.take(index, last, rule)
    elif text.close(last) in ("", "\n") or not text.low[text.end(last) : text.end(last) + 80].strip(" .!\n\t-~*_"):
        if capital:
            text.take(index, last, rule)
        elif "\n" in gap or last > index:
            # "att.,\nzenoildo trindoso": words behind a closing phrase that end the line, without one ordinary word.
            text.take(index, last, rule)


def _titles(text: _Text) -> None:
    """Sr. Fulano, Dona Fulana, Mrs. So-and-so."""
    for index, flags in enumerate(text.flags):
        if not flags & TITLE or index + 1 >= len(text.at) or index + 1 in text.found:
            continue
        gap, title = text.gap(index), text.words[index]
        if gap not in (" ", ". ", ".", "(a) ", ".(a) ", "/sra ", "(a). ", ".ª ", "ª "):
            continue
        here, capital = text.flags[index + 1], text.capital(index + 1)
        word = text.words[index + 1]
        if len(word) < 2 or here & (TITLE | CUE) and not here & NAME or here & PARTICLE and not here & NAME:
            continue
        listed = bool(here & NAME)
        last = text.grow(index + 1)
        pronoun = title in (
            "seu",
            "dona",
            "sir",
            "miss",
            "senhor",
            "senhora",
            "madam",
            "doutor",
            "professor",
            "doutora",
            "professora",
            "ms",
        )
        if gap.startswith(".") and not listed and len(title) > 4:
            continue
        if here & COMMON and not (listed and capital):
            continue
        if pronoun and not (listed and (capital or not here & COMMON)) and not (capital and title != "seu" and not here & COMMON):
            continue
        if not listed and not capital:
            continue
        text.take(index + 1, last, "person.title")


_LABELS_A_NUMBER = re.compile(r"cpf|rg|cnpj|tel|fone|phone|mobile|mail|born|nascid|celular")
_BEFORE_NUMBER = re.compile(
    r"(?:\A|[:;.!?\n(\-]|, |\b(?:para|pra|por|com|for|to|from|by|with) )[ \t]*"
    r"(?P<name>[^\W\d_]{3,}(?: (?:d[aeo]s? )?[^\W\d_]{2,}){1,4}),?[ \t]*[(,\-]?[ \t]*"
    r"(?:cpf|rg|cnpj|tel|telefone|celular|fone|phone|mobile|e-?mail|born|nascid[ao])(?![^\W\d_])"
)


def _before_numbers(text: _Text) -> None:
    """Names in front of a number's label, "ivoneuda paxiuba (cpf 123…": two to five words, none of them ordinary."""
    starts = {start: index for index, (start, _end) in enumerate(text.at)}
    for match in _BEFORE_NUMBER.finditer(text.low):
        first = starts.get(match.start("name"))
        if first is None:
            continue
        last, shown = first, False
        while last + 1 < len(text.at) and text.at[last + 1][1] <= match.end("name"):
            last += 1
        for index in range(first, last + 1):
            flags = text.flags[index]
            if flags & (SUFFIX | PREFIX | TITLE | COMMON | CUE) and not flags & (NAME | PARTICLE):
                # Only what stands between the last ordinary word and the label is the name.
                first, shown = index + 1, False
            else:
                shown = shown or not flags & (COMMON | PARTICLE | CUE)
        while first < last and text.flags[first] & PARTICLE:
            first += 1
        if shown and first < last:
            text.take(first, last, "person.number")


_PLACE_WORDS = frozenset(
    ["em", "no", "na", "de", "do", "da", "para", "pra", "in", "from", "to", "at", "near", "ate", "desde", "visit", "of"]
)


def _lists(text: _Text) -> None:
    """Names by the gazetteer."""
    flags, index, count = text.flags, 0, len(text.at)
    while index < count:
        here = flags[index]
        if not here & NAME or index in text.found:
            index += 1
            continue
        last = text.grow(index)
        capital, upper = text.capital(index), text.upper(index)
        before = text.words[index - 1] if index and text.joined(index - 1) else ""
        known = lexicon().flags.get(before, 0)
        # Rua Maria Antônia, Banco Santos, São José, Johnson & Johnson Ltda: a place or company.
        if (
            before
            and known & PREFIX
            and not known & TITLE
            and (upper and text.upper(index - 1) or known & SUFFIX and before not in ("me", "co", "sa", "drive"))
            and not (before in ("r", "st", "me", "casa") and not upper)
        ):
            index = last + 1
            continue
        if before in _SAINTS:
            index = last + 1
            continue
        particle = index >= 2 and flags[index - 1] & PARTICLE and text.joined(index - 2) and flags[index - 2] & PREFIX
        if before and particle and upper and text.upper(index - 2):
            index = last + 1
            continue
        if (
            upper
            and last + 1 < count
            and text.joined(last)
            and flags[last + 1] & SUFFIX
            and text.upper(last + 1)
            and text.words[last + 1] != "me"
        ):
            index = last + 2
            continue
        if text.low[text.end(last) : text.end(last) + 3] == " & ":
            index = last + 1
            continue
        names = [i for i in range(index, last + 1) if flags[i] & NAME]
        strong = [i for i in names if flags[i] & FIRST and not flags[i] & (COMMON | PLACE)]
        unsure = here & (COMMON | PLACE)
        take = False
        if here & FIRST and not unsure:
            take = len(text.words[index]) > 3 or capital or len(names) > 1
            if len(text.words[index]) <= 3 and text._shouting(index) and len(names) < 2:
                take = False
        elif last > index:
            # An unsure word needs a sure one beside it: "Rosa Oliveira", "Will Smith"; "Rio Grande" and "May June" do not.
            sure = [i for i in names if not flags[i] & (COMMON | PLACE)]
            if capital:
                take = (
                    bool(strong)
                    or len(sure) >= 1
                    and (bool(here & FIRST) or len(names) > 1)
                    or (bool(here & FIRST) and len(names) > 1 and not here & PLACE and not text.starts_sentence(index))
                )
            else:
                take = bool(here & FIRST and not here & PLACE and any(flags[i] & LAST and not flags[i] & WEAK for i in sure))
        elif capital and here & FIRST and not here & PLACE and not text.starts_sentence(index):
            take = (
                before not in _PLACE_WORDS
                and before not in _MONTH_WORDS
                and text.words[index] not in _MONTHS
                and _reads_as_subject(text, index)
            )
        if take:
            text.take(index, last, "person.list")
            index = last + 1
            continue
        # An unknown capitalised word before a surname: "Zuleika Ferreira".
        if here & LAST and capital and before and index - 1 not in text.found:
            first = index - 1
            if flags[first] & PARTICLE and first and text.joined(first - 1):
                first -= 1
            if not flags[first] and len(text.words[first]) > 2 and text.capital(first):
                prior = text.words[first - 1] if first and text.joined(first - 1) else ""
                if not (lexicon().flags.get(prior, 0) & PREFIX and text.upper(first - 1)) and (not here & PLACE or last > index):
                    text.take(first, last, "person.surname")
        elif here & LAST and not unsure and capital and before in ("o", "a", "com", "ao") and not text.starts_sentence(index):
            text.take(index, last, "person.surname")
        index = last + 1 if index in text.found else index + 1


_SAINTS = frozenset(["sao", "santa", "santo", "san", "saint"])
_MONTHS = frozenset(["may", "april", "june", "august"])
_MONTH_WORDS = frozenset(["in", "since", "until", "till", "by", "next", "last", "this", "of", "on", "the"])


def _reads_as_subject(text: _Text, index: int) -> bool:
    """A capitalised unsure word mid-sentence stands alone: no other capitalised word goes with it."""
    after = index + 1 < len(text.at) and text.joined(index) and text.upper(index + 1)
    before = index > 0 and text.joined(index - 1) and text.upper(index - 1) and len(text.words[index - 1]) > 1
    return not after and not before


def _propagate(texts: list[_Text]) -> None:
    """Find known names everywhere else in the conversation."""
    known: set[str] = set()
    for text in texts:
        for index in text.found:
            word = text.words[index].removesuffix("'s")
            if len(word) > 1 and not text.flags[index] & PARTICLE:
                known.add(word)
                for part in word.split("-") if "-" in word else ():
                    if len(part) > 2:
                        known.add(part)
    for text in texts:
        for index, word in enumerate(text.words):
            base = word.removesuffix("'s")
            if index in text.found or (base not in known and not ("-" in base and any(part in known for part in base.split("-")))):
                continue
            flags = text.flags[index]
            if index and text.words[index - 1] in _SAINTS and text.joined(index - 1):
                continue
            common = flags & (COMMON | CUE | PREFIX | SUFFIX)
            if text.upper(index) or not common and (flags & NAME or len(base) > 3):
                if common and text.starts_sentence(index) and text.close(index) not in (",", "!", "", "\n", ".") and not flags & NAME:
                    continue
                if common and text._shouting(index) and not text.capital(index) and len(base) < 3:
                    continue
                last = text.grow(index) if not common or text.capital(index) else index
                while last > index and last in text.found:
                    last -= 1
                text.take(index, last, "person.again")


def people(texts: list[Folded]) -> list[list[Span]]:
    """PERSON spans of each text of one conversation."""
    views = [_Text(text) for text in texts]
    for view in views:
        if any(flags & (NAME | CUE | TITLE) for flags in view.flags):
            _titles(view)
            _cues(view)
        if _LABELS_A_NUMBER.search(view.low):
            _before_numbers(view)
        if any(flags & NAME for flags in view.flags):
            _lists(view)
    if any(view.found for view in views):
        _propagate(views)
        _propagate(views)
    return [_spans(view) for view in views]


def _spans(view: _Text) -> list[Span]:
    spans: list[Span] = []
    groups: dict[int, list[int]] = {}
    for index, (first, _rule) in view.found.items():
        groups.setdefault(first, []).append(index)
    for first, members in sorted(groups.items()):
        last = max(members)
        spans.append(view.folded.span(view.at[first][0], view.end(last), "PERSON", view.found[first][1]))
    return spans
