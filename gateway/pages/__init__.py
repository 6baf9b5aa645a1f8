"""The status page: what it shows (flow, listing, metrics), in which language, and how it is drawn (templates, static)."""
