"""The files in docker/ for `ray up` and KubeRay: what they say, and what they must not."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config

from .rayjob_schema import CLAIM, RAY_JOB

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
CLUSTERS = ["cluster.yaml", "cluster-cloud.yaml"]


def read(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((DOCKER / name).read_text(encoding="utf-8"))
    return loaded


def start_commands(cluster: dict[str, Any]) -> list[str]:
    return [*cluster["head_start_ray_commands"], *cluster["worker_start_ray_commands"]]


def manifests() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((DOCKER / "rayjob.yaml").read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", CLUSTERS)
def test_ray_accepts_the_cluster_file(name: str) -> None:
    validate_config(prepare_config(read(name)))


@pytest.mark.parametrize("name", CLUSTERS)
def test_ray_would_see_a_misspelt_key_of_the_cluster_file(name: str) -> None:
    cluster = read(name)
    cluster["file_mount"] = cluster.pop("file_mounts")
    with pytest.raises(jsonschema.ValidationError, match="file_mount"):
        validate_config(prepare_config(cluster))


@pytest.mark.parametrize("name", CLUSTERS)
def test_every_file_that_is_copied_to_the_hosts_exists_here(name: str) -> None:
    mounts = read(name)["file_mounts"]
    assert mounts.pop("~/tune_noise_cluster/ray_token") == "~/.ray/auth_token"
    assert all((ROOT / local).exists() for local in mounts.values())


@pytest.mark.parametrize("name", CLUSTERS)
def test_ray_is_started_by_the_script_that_ends_only_this_cluster(name: str) -> None:
    commands = start_commands(read(name))
    assert len(commands) == 2
    for command in commands:
        assert command.startswith("~/tune_noise_cluster/ray-host.sh start ")
        assert "ray stop" not in command
        assert "--disable-usage-stats" in command


@pytest.mark.parametrize("name", CLUSTERS)
def test_the_dashboard_listens_on_loopback_and_no_port_is_one_of_a_stock_ray(name: str) -> None:
    commands = " ".join(start_commands(read(name)))
    assert "--dashboard-host=127.0.0.1" in commands
    ports = {int(port) for port in re.findall(r"(?:port=|IP:)(\d+)", commands)}
    assert len(ports) == 6
    assert ports.isdisjoint({6379, 8265, 10001, 52365})


def test_the_cloud_cluster_differs_from_the_other_only_where_it_must() -> None:
    ours, cloud = read("cluster.yaml"), read("cluster-cloud.yaml")
    assert ours["file_mounts"] == cloud["file_mounts"]
    assert ours["worker_start_ray_commands"] == cloud["worker_start_ray_commands"]
    [head], [cloud_head] = ours["head_start_ray_commands"], cloud["head_start_ray_commands"]
    assert head.replace("env RAY_enable_autoscaler_v2=0 ", "") == cloud_head


def test_workers_of_the_cloud_are_spot_instances_and_the_head_is_not() -> None:
    cloud = read("cluster-cloud.yaml")
    types = cloud["available_node_types"]
    assert cloud["head_node_type"] == "head"
    assert "InstanceMarketOptions" not in types["head"]["node_config"]
    assert types["worker"]["node_config"]["InstanceMarketOptions"] == {"MarketType": "spot"}
    assert types["worker"]["min_workers"] == 0
    assert types["worker"]["max_workers"] == cloud["max_workers"]


@pytest.mark.parametrize("name", [*CLUSTERS, "rayjob.yaml"])
def test_no_file_holds_a_secret(name: str) -> None:
    text = (DOCKER / name).read_text(encoding="utf-8")
    assert not re.search(r"RAY_AUTH_TOKEN\b|(?i:password|secret)\s*[=:]\s*\w", text)
    assert not re.search(r"://[^/\s]*:[^/\s]*@", text)


def test_the_host_script_is_bash_and_refuses_what_it_does_not_know() -> None:
    script = DOCKER / "ray-host.sh"
    subprocess.run(["bash", "-n", script], check=True)
    done = subprocess.run([script, "stopp"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "stopp: must be install, start, stop or down" in done.stderr


def test_kuberay_accepts_the_manifest() -> None:
    claim, job = manifests()
    jsonschema.validate(claim, CLAIM)
    jsonschema.validate(job, RAY_JOB)


def test_a_misspelt_field_of_the_manifest_would_be_seen() -> None:
    text = json.dumps(manifests()[1])
    for field in ("backoffLimit", "authOptions", "volumeMounts", "runAsNonRoot", "claimName"):
        assert field in text
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(json.loads(text.replace(field, f"{field}s")), RAY_JOB)


def test_the_job_resumes_on_a_shared_volume_and_runs_nothing_as_root() -> None:
    claim, job = manifests()
    spec = job["spec"]
    assert spec["entrypoint"].startswith("python -m tune_noise.search ")
    assert "--resume" in spec["entrypoint"].split()
    assert spec["backoffLimit"] > 0
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    cluster = spec["rayClusterSpec"]
    assert cluster["authOptions"] == {"mode": "token"}
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    for pod in [spec["submitterPodTemplate"]["spec"], *(g["template"]["spec"] for g in groups)]:
        assert pod["securityContext"]["runAsNonRoot"]
        assert not pod["containers"][0]["securityContext"]["allowPrivilegeEscalation"]
    for group in groups:
        [container] = group["template"]["spec"]["containers"]
        values = {each["name"]: each.get("value") for each in container["env"]}
        mounts = {each["mountPath"] for each in container["volumeMounts"]}
        assert Path(values["TUNE_NOISE_OUTPUT"]).parent.as_posix() in mounts
        assert "MLFLOW_TRACKING_URI" in values


def test_every_node_has_the_ray_of_the_package() -> None:
    pinned = dict(
        line.split("==") for line in (ROOT / "constraints.txt").read_text().split() if "==" in line
    )
    assert manifests()[1]["spec"]["rayClusterSpec"]["rayVersion"] == pinned["ray"]
