"""Have production records moved away from a reference? Pure functions over pseudonymized records.

sampling: which records, the same for every order of them; signals: what is counted of a record; ngrams, encoder: texts as
vectors; features: one distance between the two sides for each thing compared; permutation: one exact test of all of them;
psi: the index that credit scoring uses; terms: words that came or went; measuring: all features of a set of records;
compare: all of it; wording, page, charts: what it says and shows.
"""
