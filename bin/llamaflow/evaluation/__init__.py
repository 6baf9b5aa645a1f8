"""What EVALUATE asks of a model beside the test set, and how answers become numbers that can be compared.

items.py: what an item is; suites.py: all suites of a run and their rows; suite_files.py reads them, perturb.py makes the adversarial
one; checks.py, refusal.py and choices.py say what is right; overlap.py finds items that training has seen; harness.py runs tasks of
lm-evaluation-harness. examples.py: one row for each answer. statistics.py: metrics as functions of rows, and paired comparisons.
"""
