"""The WES 1.1.0 specification as published, its reference to GA4GH's service-info within reach without a network."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

FOLDER = Path(__file__).parents[1] / "data" / "ga4gh"


def specification(url: str = "") -> dict[str, Any]:
    """As OpenAPI 3.0. url: of the gateway, for `servers`."""
    spec = yaml.safe_load((FOLDER / "wes-1.1.0.openapi.yaml").read_text("utf-8"))
    service = yaml.safe_load((FOLDER / "service-info-1.0.0.yaml").read_text("utf-8"))
    spec["components"]["schemas"] |= {name: service["components"]["schemas"][name] for name in ("Service", "ServiceType")}
    info = spec["components"]["schemas"]["ServiceInfo"]["allOf"]
    assert info[0]["$ref"].endswith("service-info.yaml#/components/schemas/Service")
    info[0] = {"$ref": "#/components/schemas/Service"}
    # YAML reads 200 as a number; OpenAPI's keys are texts.
    for path in spec["paths"].values():
        for operation in path.values():
            operation["responses"] = {str(code): answer for code, answer in operation["responses"].items()}
    spec["servers"] = [{"url": f"{url}/ga4gh/wes/v1"}]
    return spec


def problems(name: str, value: Any) -> list[str]:
    """What is wrong with a value that has to be a schema of the specification, e.g. RunLog."""
    spec = specification()
    schema = {"$ref": f"#/components/schemas/{name}", "components": copy.deepcopy(spec["components"])}
    return [f"{'/'.join(map(str, error.path))}: {error.message}" for error in Draft202012Validator(schema).iter_errors(value)]
