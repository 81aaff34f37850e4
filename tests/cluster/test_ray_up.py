"""`ray up`, `ray submit`, `ray job submit` and `ray down` as docs/cluster.md has them, over sshd.

python -m pytest -m cluster -n 0 tests/cluster
"""

import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import yaml

from tests.support.search_audit import audit
from tests.support.shell import STEADY, TINY
from tests.support.waiting import wait_for

from .ssh_hosts import ROOT, Lab, Machine, lab

pytestmark = pytest.mark.cluster

CLUSTER = "docker/cluster.yaml"
DASHBOARD = "http://127.0.0.1:8265"
# Runs a job and waits for its end, as the documentation of Ray's SDK has it.
SUBMIT = """
import sys, time
from ray.job_submission import JobStatus, JobSubmissionClient
client = JobSubmissionClient(sys.argv[1])
job = client.submit_job(entrypoint=sys.argv[2], runtime_env={"working_dir": "."})
while not (status := client.get_job_status(job)).is_terminal():
    time.sleep(1)
print(client.get_job_logs(job))
print("status:", status.value)
"""


class RayUp:
    """A cluster of two hosts, and another Ray on the head's host that is none of its business."""

    def __init__(self, made: Lab) -> None:
        """Bring it up; see `cluster`."""
        self.lab, self.desk = made, made.desk
        self.head, self.worker = made.host("head"), made.host("worker")
        self.runs = made.folder / "runs"
        self.project = made.folder / "project"
        self._copy_project()
        self.foreign(
            "ray start --head --port=6379 --num-cpus=1 --disable-usage-stats "
            f"--node-ip-address={self.head.address} --temp-dir=/tmp/foreign"
        )
        code, out = self.command("bash", "-c", "umask 077; ray get-auth-token --generate")
        assert code == 0, out
        self.token = (self.desk.home / ".ray" / "auth_token").read_text().strip()
        code, self.said = self.command("ray", "up", "--yes", CLUSTER)
        assert code == 0, self.said

    def _copy_project(self) -> None:
        """What a user has: the repository, with the top of docker/cluster.yaml edited."""
        cluster = yaml.safe_load((ROOT / CLUSTER).read_text())
        for local in [*cluster["file_mounts"].values(), "docker"]:
            source, target = ROOT / local, self.project / local
            if source.is_dir():
                ignored = shutil.ignore_patterns("__pycache__", "secrets")
                shutil.copytree(source, target, ignore=ignored, dirs_exist_ok=True)
            elif source.is_relative_to(ROOT) and source.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target)
        text = (ROOT / CLUSTER).read_text()
        for shipped, edited in {
            "192.0.2.10": self.head.address,
            "[192.0.2.11, 192.0.2.12]": f"[{self.worker.address}]",
            "ssh_user: tune_noise": "ssh_user: root",
            "~/.ssh/tune_noise": self.lab.key.as_posix(),
            "TUNE_NOISE_OUTPUT=/shared/runs": f"TUNE_NOISE_OUTPUT={self.runs}",
            # Its own environment takes minutes to make, and the network has no package index.
            "MLFLOW_TRACKING_URI=http://192.0.2.20:5000": f"VENV={sys.prefix} PYTHONPATH={ROOT}",
        }.items():
            assert shipped in text
            text = text.replace(shipped, edited)
        (self.project / CLUSTER).write_text(text)

    def command(self, *command: str, **environment: str) -> tuple[int, str]:
        """Run a command at the user's desk, in the root of the repository."""
        return self.desk.run(*command, folder=self.project, **environment)

    def foreign(self, command: str) -> str:
        """Use the Ray on the head's host that belongs to somebody else."""
        setting = "env -u RAY_ADDRESS -u RAY_TMPDIR -u RAY_AUTH_TOKEN_PATH RAY_AUTH_MODE=disabled"
        code, out = self.lab.ssh(self.head, f"{setting} {sys.prefix}/bin/{command}")
        assert code == 0, out
        return out

    def on(self, host: Machine, command: str) -> str:
        code, out = self.lab.ssh(host, command)
        assert code == 0, out
        return out

    def ray_processes(self, host: Machine) -> list[str]:
        """Command lines of all Ray processes on a host but those of the other Ray."""
        listed = self.on(host, "ps -eww -o args").splitlines()
        names = ("ray::", "ray-dashboard", "/ray/")
        ray = [line for line in listed if any(name in line for name in names)]
        return [line for line in ray if "/tmp/foreign" not in line]

    def space(self, name: str) -> str:
        """A small search; its files are where all hosts see them."""
        path = self.lab.folder / f"{name}.yaml"
        steady = STEADY | {"fixed": {"model": "perceptron", "batch_size": 64}}
        path.write_text(yaml.safe_dump({**TINY, **steady, "name": name, "epochs": 3}))
        return str(path)

    @contextmanager
    def dashboard(self) -> Iterator[None]:
        """`ray dashboard`, in another terminal at the desk.

        The desk's namespaces are made anew for each command, but its network is the same.
        """
        tunnel = self.desk.start(
            "ray", "dashboard", CLUSTER, "--remote-port", "8299", folder=self.project
        )
        try:
            probe = "import socket; socket.create_connection(('127.0.0.1', 8265), 2)"
            wait_for(lambda: self.command(sys.executable, "-c", probe)[0] == 0, "tunnel")
            yield
        finally:
            tunnel.send_signal(signal.SIGKILL)
            tunnel.communicate()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayUp]:
    pytest.importorskip("aiohttp_cors", reason="needs the extra `cluster`")
    with lab(tmp_path_factory.mktemp("lab")) as made:
        yield RayUp(made)


def test_ray_up_makes_a_cluster_of_all_hosts(cluster: RayUp) -> None:
    def joined() -> bool:
        return " 2 local.cluster.node" in cluster.on(cluster.head, "ray status")

    wait_for(joined, "cluster of two nodes")
    assert cluster.foreign("ray status --address=" + cluster.head.address + ":6379")


def test_ray_submit_runs_a_search_to_its_end(cluster: RayUp) -> None:
    code, out = cluster.command(
        "ray", "submit", CLUSTER, "tune_noise/search.py", "--space", cluster.space("submitted")
    )
    assert code == 0, out
    assert "Finished in" in out
    audit(cluster.runs / "submitted")


def test_a_submitted_job_runs_a_search_to_its_end(cluster: RayUp) -> None:
    runs = cluster.lab.folder / "runs_of_jobs"  # the audit wants an MLflow of this search alone
    arguments = f"--space {cluster.space('job')} --output {runs} --quiet"
    entrypoint = f"python -m tune_noise.search {arguments}"
    token = {"RAY_AUTH_MODE": "token"}
    with cluster.dashboard():
        code, out = cluster.command(sys.executable, "-c", SUBMIT, DASHBOARD, entrypoint, **token)
    assert code == 0, out
    assert "status: SUCCEEDED" in out
    audit(runs / "job")


def test_the_job_command_of_ray_waits_for_the_end(cluster: RayUp) -> None:
    job = ["ray", "job", "submit", "--address", DASHBOARD, "--working-dir", ".", "--"]
    search = ["python", "-m", "tune_noise.search", "--space", "smoke", "--dry-run"]
    with cluster.dashboard():
        code, out = cluster.command(*job, *search, RAY_AUTH_MODE="token")
    assert code == 0, out
    assert "succeeded" in out


def test_who_has_no_token_or_a_wrong_one_can_submit_no_job(cluster: RayUp) -> None:
    job = ["ray", "job", "submit", "--address", DASHBOARD, "--", "touch", "/tmp/intruder"]
    with cluster.dashboard():
        wrong = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0" * 64}
        for environment in ({"RAY_AUTH_MODE": "disabled"}, wrong):
            code, out = cluster.command(*job, **environment)
            assert code != 0
            assert "Unauthorized" in out or "Forbidden" in out
    assert "absent" in cluster.on(cluster.head, "test -e /tmp/intruder || echo absent")


@pytest.mark.parametrize("setting", ["RAY_AUTH_TOKEN=0000", "RAY_AUTH_MODE=disabled"])
def test_who_has_no_token_or_a_wrong_one_cannot_join(cluster: RayUp, setting: str) -> None:
    join = f"{sys.prefix}/bin/ray start --address={cluster.head.address}:6399"
    code, out = cluster.lab.ssh(cluster.worker, f"env {setting} {join}")
    assert code != 0, out
    assert " 3 local.cluster.node" not in cluster.on(cluster.head, "ray status")


@pytest.mark.parametrize(
    ("setting", "way_out"),
    [
        ("RAY_AUTH_TOKEN=0000", "give the cluster's own token"),
        ("RAY_AUTH_MODE=disabled", "set RAY_AUTH_MODE=token here too"),
    ],
)
def test_a_search_with_a_wrong_token_is_refused_with_one_message(
    cluster: RayUp, setting: str, way_out: str
) -> None:
    command = f"env {setting} python -m tune_noise.search --space smoke --name refused"
    code, out = cluster.lab.ssh(cluster.head, command)
    assert code == 2, out
    assert "Traceback" not in out
    said = [line for line in out.splitlines() if not line.startswith("bash: ")]
    assert len(said) == 1, out
    [message] = said
    assert message.startswith(f"error: --address {cluster.head.address}:6399: ")
    assert "token is missing or not the cluster's" in message
    assert way_out in message
    assert not (cluster.runs / "refused").exists()


def test_the_token_is_in_a_file_of_its_owner_and_on_no_command_line(cluster: RayUp) -> None:
    for host in (cluster.head, cluster.worker):
        assert "600" in cluster.on(host, "stat -c %a ~/tune_noise_cluster/ray_token")
        assert cluster.token not in cluster.on(host, "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
    assert cluster.token not in cluster.said


def test_the_dashboard_is_not_reachable_from_another_host(cluster: RayUp) -> None:
    probe = f"timeout 5 bash -c '</dev/tcp/{cluster.head.address}/PORT' && echo open || echo shut"
    assert "open" in cluster.on(cluster.worker, probe.replace("PORT", "6399"))
    assert "shut" in cluster.on(cluster.worker, probe.replace("PORT", "8299"))


def test_no_file_in_the_home_folder_stands_in_for_a_module(cluster: RayUp) -> None:
    (cluster.head.home / "random.py").write_text("raise SystemExit('imported from home')\n")
    try:
        code, out = cluster.command(
            "ray", "submit", CLUSTER, "tune_noise/search.py", "--space", "smoke", "--dry-run"
        )
    finally:
        (cluster.head.home / "random.py").unlink()
    assert code == 0, out
    assert "imported from home" not in out


def test_ray_down_ends_this_cluster_and_no_other_ray(cluster: RayUp) -> None:
    hosts = (cluster.head, cluster.worker)
    before = [cluster.ray_processes(host) for host in hosts]
    assert all(any("/raylet/raylet " in line for line in lines) for lines in before)
    code, out = cluster.command("ray", "down", "--yes", CLUSTER)
    assert code == 0, out
    assert cluster.ray_processes(cluster.worker) == []
    left = cluster.ray_processes(cluster.head)  # agents and dashboard of the other Ray
    assert not any("/tmp/tune_noise-" in line or "/raylet/raylet " in line for line in left)
    assert [line.split()[0] for line in left].count("ray::DashboardAgent") == 1
    assert "1 node_" in cluster.foreign(f"ray status --address={cluster.head.address}:6379")
    command = "python -m tune_noise.search --space smoke --name astray"
    code, out = cluster.lab.ssh(cluster.head, command)
    assert code == 2, out
    assert "no Ray cluster answers there" in out  # it has not joined the other one
