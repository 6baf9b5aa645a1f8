"""How far a run is, read from what Nextflow writes anyway: its log, its trace and what it prints. Pure, but for follow.py and detail.py."""
