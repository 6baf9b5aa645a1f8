"""All settings: environment variables LLAMAFLOW_<NAME>, or a .env file in the working folder. `llamaflow serve --help` lists them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).resolve().parents[1]


class Settings(BaseSettings):
    """Embedded defaults: SQLite, queue in the process, worker beside it, loopback only."""

    model_config = SettingsConfigDict(env_prefix="LLAMAFLOW_", env_file=".env", extra="ignore", frozen=True)

    # Where things are
    home: Path = Field(Path("llamaflow-home"), description="folder of the database, launch folders, uploads, secrets and logs")
    project: Path = Field(ROOT, description="folder of main.nf")
    nextflow: str = Field("nextflow", description="command that starts Nextflow")
    database_url: SecretStr | None = Field(None, description="sqlite:///FILE or postgresql+psycopg://...; default: SQLite in home")
    redis_url: SecretStr | None = Field(None, description="redis://... or unix://...; default: a queue in the process")
    secret_key: SecretStr | None = Field(None, description="encrypts webhook secrets and resume URLs; default: a file in home, made once")
    registry: Path | None = Field(None, description="the pipeline's registry; default: home/registry")

    # Listening
    host: str = "127.0.0.1"
    port: int = 8000
    public_url: str = Field("", description="as others reach it; default http(s)://host:port")
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    trusted_proxies: list[str] = Field(
        default_factory=list, description="addresses of proxies that end TLS; needed to bind beyond loopback without TLS"
    )
    max_body_bytes: int = Field(1_048_576, description="of a request; uploads have max_upload_bytes")
    max_upload_bytes: int = 2_147_483_648
    metrics_public: bool = Field(False, description="/metrics without a key for callers from other hosts, too")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    body_timeout_s: float = Field(20, description="a request whose body takes longer is refused")

    # Who may do what
    rate_per_minute: int = Field(12_000, description="calls of a key, unless the key says otherwise")
    max_waiting: int = Field(2_000, description="runs of a key waiting or active, unless the key says otherwise")
    profiles: list[str] = Field(
        ["local", "test", "demo", "slurm", "k8s", "gpu", "docker", "podman", "singularity", "conda"], description="that callers may ask for"
    )
    workflow_urls: list[str] = Field(["llamaflow"], description="that callers may ask for; each is this project")
    fixed_params: dict[str, Any] = Field(
        default_factory=dict, description="JSON: parameters of every run that callers cannot change, e.g. slurm_options"
    )
    input_roots: list[Path] = Field(default_factory=list, description="folders, beside home, that parameters naming files may point into")
    remote_inputs: list[str] = Field(
        default_factory=list, description="prefixes like s3://bucket/ that parameters naming files may start with"
    )

    # Worker
    embedded_worker: bool = Field(True, description="a worker thread inside `llamaflow serve`; false where `llamaflow worker` runs apart")
    launcher: str = Field("local", description="local or kubernetes")
    max_runs: int = Field(2, description="runs of one worker at a time")
    max_gpus: int = Field(0, description="of all runs of one worker; 0: not counted")
    poll_s: float = 1.0
    heartbeat_s: float = Field(15, description="between heartbeats of a run")
    lease_s: float = Field(60, description="a worker unheard of for so long loses its runs to another one")
    silent_after_s: float = Field(1800, description="a run whose log does not grow for so long is called silent")
    max_losses: int = Field(3, description="automatic resumes after a lost launcher")
    backoff_s: float = Field(5, description="before the first automatic resume; doubles with each loss, 300 at most")
    cancel_grace_s: float = Field(60, description="between the signals TERM and KILL")
    ageing_s: float = Field(
        1800, description="a waiting run rises by one priority for each such time; after four it is next, whosever it is"
    )
    pass_environment: list[str] = Field(
        default_factory=list,
        description="variables that Nextflow gets beside PATH, JAVA_HOME, NXF_* and such, e.g. LLAMAFLOW_KEY, VAULT_ADDR, VAULT_TOKEN",
    )

    # Launcher kubernetes: home and project lie on the claim, mounted here and there alike
    kubernetes_config: Path | None = Field(None, description="kubeconfig; default: the pod's service account, else KUBECONFIG")
    kubernetes_namespace: str = "default"
    kubernetes_image: str = Field("llamaflow/gateway:0.1.0", description="image with Nextflow")
    kubernetes_claim: str = Field("llamaflow", description="PersistentVolumeClaim")
    kubernetes_mount: str = Field("/workspace", description="where the claim is mounted")
    kubernetes_service_account: str = Field("llamaflow-launcher", description="may create, list and delete jobs and pods")
    kubernetes_cpu: str = "1"
    kubernetes_memory: str = "2Gi"

    # Webhooks
    webhook_timeout_s: float = 10
    webhook_retry_hours: float = 24
    webhook_schemes: list[str] = ["https", "http"]
    webhook_private: bool = Field(False, description="targets in private, loopback and link-local ranges may be called")
    webhook_ports: list[int] = Field(
        default_factory=list, description="that may be called; default: all but those of services that are no web servers"
    )
    webhook_allowed_hosts: list[str] = Field(default_factory=list, description="host or host:port that may be called whatever its address")
    breaker_failures: int = 10
    breaker_open_s: float = 60

    @property
    def database(self) -> str:
        return self.database_url.get_secret_value() if self.database_url else f"sqlite:///{self.home.resolve()}/gateway.db"

    @property
    def registry_folder(self) -> Path:
        return (self.registry or self.home / "registry").resolve()

    @property
    def url(self) -> str:
        return self.public_url.rstrip("/") or f"{'https' if self.tls_certificate else 'http'}://{self.host}:{self.port}"
