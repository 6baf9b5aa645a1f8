"""What starts, watches and stops Nextflow: as a process of this machine, or as a Kubernetes Job."""

from __future__ import annotations

from ..settings import Settings
from .base import Launch, Launcher, LauncherError, Look, Phase

__all__ = ["Launch", "Launcher", "LauncherError", "Look", "Phase", "open_launcher"]


def open_launcher(settings: Settings) -> Launcher:
    """By settings.launcher. Raises LauncherError when it is no launcher's name, or Kubernetes is not to be reached."""
    if settings.launcher == "local":
        from .local import LocalLauncher

        return LocalLauncher()
    if settings.launcher == "kubernetes":
        from .kubernetes import KubernetesLauncher

        return KubernetesLauncher.of(settings)
    raise LauncherError(f"LLAMAFLOW_LAUNCHER={settings.launcher}: it is local or kubernetes")
