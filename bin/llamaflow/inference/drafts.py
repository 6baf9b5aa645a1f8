"""Guesses of what comes next, taken from the text itself (prompt lookup, Saxena 2023; greedy verification as in Leviathan et al.
2023, https://arxiv.org/abs/2211.17192). A forward checks all guesses at once; only those that the model itself would have chosen
stay, so an answer is the same with and without them."""

from __future__ import annotations

from collections.abc import Sequence

# Guesses follow the last place where the text's last two tokens stood before.
GRAM = 2
LONGEST = 7


class Lookup:
    """Where each pair of tokens of one growing text was last followed by something."""

    def __init__(self, ids: list[int]):
        self.ids, self._after, self._read = ids, {}, GRAM

    def guess(self, count: int) -> list[int]:
        """Up to count tokens that may come next; [] where the text has no precedent."""
        ids = self.ids
        for place in range(self._read, len(ids)):
            self._after[tuple(ids[place - GRAM : place])] = place
        self._read = max(self._read, len(ids))
        place = self._after.get(tuple(ids[-GRAM:]))
        if place is None:
            return []
        # A text that repeats itself is copied from its own guess: the period goes on.
        period, found = len(ids) - place, []
        for step in range(count):
            found.append(ids[place + step] if step < period else found[step - period])
        return found


class Drafter:
    """How many guesses a step takes: as many as fit beside the rows at work, while enough of them turn out right.

    A forward of up to ``free`` tokens costs about what one of fewer costs. The share of right guesses is a running mean.
    """

    def __init__(self, free: int):
        self.free, self.right = free, 0.5

    def guesses(self, texts: Sequence[Lookup | None]) -> tuple[list[list[int]], int]:
        """Guesses for each text (None: takes no part), all of one length, and that length plus one."""
        count = min(LONGEST, self.free // max(len(texts), 1) - 1)
        if count < 1:
            return [[] for _ in texts], 1
        found = [text.guess(count) if text else [] for text in texts]
        # Explore now and then even where the last guesses were wrong.
        if sum(map(bool, found)) * max(self.right, 0.1) < 0.3 * len(texts):
            return [[] for _ in texts], 1
        return [one + [0] * (count - len(one)) for one in found], count + 1

    def learn(self, guessed: int, right: int) -> None:
        if guessed:
            self.right += 0.1 * (right / guessed - self.right)
