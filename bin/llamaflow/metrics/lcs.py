"""Longest common subsequences by bits: a row of the table is one integer, so a step takes a few operations for any length.

The recurrence is Hyyrö's (2004, Bit-parallel LCS-length computation revisited); the choice among equally long subsequences
is rouge-score's, so that ROUGE-Lsum comes out the same.
"""

from __future__ import annotations

from collections.abc import Sequence


def lcs_length(reference: Sequence[str], prediction: Sequence[str]) -> int:
    """Words of the longest common subsequence; time grows with prediction × reference / 64."""
    columns = _columns(reference, prediction)
    return columns[-1].bit_count() if columns else 0


def lcs_places(reference: Sequence[str], prediction: Sequence[str]) -> list[int]:
    """Places in the reference, rising, of the longest common subsequence that rouge-score's backtracking takes."""
    columns = _columns(reference, prediction)
    places, row, column = [], len(reference), len(prediction)
    while row and column:
        if reference[row - 1] == prediction[column - 1]:
            places.append(row - 1)
            row, column = row - 1, column - 1
        elif columns[column - 1] >> (row - 1) & 1:  # the table is lower one reference word up: go back in the prediction
            column -= 1
        else:
            row -= 1
    return places[::-1]


def _columns(reference: Sequence[str], prediction: Sequence[str]) -> list[int]:
    """One integer for each prediction word j: bit i says that table[i + 1][j + 1] = table[i][j + 1] + 1."""
    masks: dict[str, int] = {}
    for place, word in enumerate(reference):
        masks[word] = masks.get(word, 0) | 1 << place
    whole = (1 << len(reference)) - 1
    state, columns = whole, []  # state holds the complement: 1 where the table does not rise
    for word in prediction:
        hits = state & masks.get(word, 0)
        state = (state + hits | state - hits) & whole
        columns.append(whole & ~state)
    return columns
