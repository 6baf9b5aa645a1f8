"""LlamaFlow's gateway: runs over HTTP (GA4GH WES and /api/v1), a worker that launches Nextflow, events, webhooks, a status page.

Order of imports: routes -> runs, webhooks, worker -> store, queue, launchers. It imports nothing from bin/: it reaches the pipeline by
Nextflow's command line and by files (nextflow_schema.json, trace, log, summaries).
"""

__version__ = "0.1.0"
