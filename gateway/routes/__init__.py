"""HTTP: one router for each resource. Handlers check, call runs/, models/ or webhooks/, and shape the answer."""
