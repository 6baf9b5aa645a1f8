"""MLflow tracking: one run for a training, found again by its id when the verdict is known."""

from __future__ import annotations

import logging
import os
from typing import Any


class Tracker:
    """Context manager around one MLflow run; does nothing at all when uri is empty.

    uri: an MLflow server, a database URL or a folder (a plain path or file:…). Values must not be personal.
    run_id continues an earlier run.
    """

    def __init__(self, uri: str, experiment: str = "llamaflow", run_name: str | None = None, run_id: str | None = None):
        self.uri, self.experiment, self.run_name, self.run_id = uri, experiment, run_name, run_id
        self._mlflow: Any = None

    def __enter__(self) -> Tracker:
        if self.uri and (self.run_id is None or self.run_id):
            # MLflow 3 asks for a word before it writes to a folder, and reports home unless told not to.
            os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
            os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
            import mlflow

            logging.getLogger("mlflow").setLevel(logging.WARNING)

            self._mlflow = mlflow
            mlflow.set_tracking_uri(self.uri)
            if self.run_id is None:
                mlflow.set_experiment(self.experiment)
            self.run_id = mlflow.start_run(run_id=self.run_id, run_name=self.run_name).info.run_id
        return self

    def params(self, values: dict[str, Any]) -> None:
        """Log parameters once."""
        if self._mlflow:
            self._mlflow.log_params(values)

    def metrics(self, values: dict[str, float | None], step: int = 0) -> None:
        """Log those numbers that are there; from any thread."""
        if self._mlflow:
            numbers = {name: value for name, value in values.items() if value is not None}
            self._mlflow.log_metrics(numbers, step=step, run_id=self.run_id)  # without the id another thread opens a run of its own

    def tags(self, values: dict[str, str]) -> None:
        """Set tags."""
        if self._mlflow:
            self._mlflow.set_tags(values)

    def __exit__(self, kind: type | None, *_rest: object) -> None:
        if self._mlflow:
            self._mlflow.end_run("FAILED" if kind else "FINISHED")
