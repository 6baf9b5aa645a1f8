"""The worker: takes runs, starts them, looks after them, and picks up what other workers left behind."""
