"""What a cluster is asked for and given: shares of GPUs, room between searches, new nodes."""

import json

import pytest

from tests.support.nodes import Cluster
from tests.support.ports import free_port
from tests.support.search_audit import audit, notes
from tests.support.shell import MANY_EPOCHS, STEADY, Shell, events

pytestmark = pytest.mark.long

# What `ray up` would be told: nodes of 2 CPUs, that go after 6 idle seconds.
FAKE_CLUSTER = {
    "cluster_name": "fake",
    "max_workers": 5,
    "idle_timeout_minutes": 0.1,
    "upscaling_speed": 1.0,
    "head_node_type": "ray.head.default",
    "available_node_types": {
        "ray.head.default": {"resources": {"CPU": 0}, "node_config": {}, "max_workers": 0},
        "small": {
            "resources": {"CPU": 2, "object_store_memory": 100_000_000},
            "node_config": {},
            "min_workers": 0,
            "max_workers": 5,
        },
    },
    "auth": {"ssh_user": "nobody"},
    "file_mounts": {},
    "file_mounts_sync_continuously": False,
    "cluster_synced_files": [],
    "rsync_exclude": [],
    "rsync_filter": [],
    "docker": {},
    **{f"{when}_commands": [] for when in ("initialization", "setup", "head_setup")},
    **{f"{when}_commands": [] for when in ("worker_setup", "head_start_ray", "worker_start_ray")},
}


@pytest.mark.parametrize(
    ("share", "count"), [pytest.param("0.25", 4, marks=pytest.mark.slow), ("0.5", 2)]
)
def test_a_gpu_holds_as_many_trials_as_its_shares_say(shell: Shell, share: str, count: int) -> None:
    cluster = Cluster(shell, cpus=0)
    with_gpu, without = cluster.add(cpus=8, gpus=1), cluster.add(cpus=2)
    space, folder = shell.space(**STEADY, trials=8, epochs=30), shell.folder / "runs" / "tiny"
    arguments = ["--space", space, "--address", cluster.address, "--gpus-per-trial", share]
    driver = shell.start("tune_noise.search", *arguments)
    seen = set()

    def ended() -> bool:
        seen.add(with_gpu.num_training)
        assert not without.trains()
        return driver.poll() is not None

    shell.wait_until(ended, "end of the search")
    out, _ = shell.end_of(driver, code=0)
    assert max(seen) == count
    audit(folder)
    # These GPUs are Ray's alone: that the CPU served is said once.
    [said] = notes(folder, "trials on that node train on the CPU")
    assert said.data["is_warning"]
    assert out.count("but torch") == 1


def test_two_searches_share_a_cluster_and_do_not_mix(shell: Shell) -> None:
    cluster = Cluster(shell, cpus=1)
    cluster.add(cpus=3)
    space, runs = shell.space(**STEADY, trials=8, epochs=60), shell.folder / "runs"
    arguments = ["--space", space, "--address", cluster.address]
    first = shell.start("tune_noise.search", *arguments, "--name", "first")
    shell.wait_for(first, lambda: len(set(events(runs / "first", "epoch"))) >= 4, "four trials")
    with shell.training_held():
        second = shell.start("tune_noise.search", *arguments, "--name", "second", "--seed", "1")
        shell.wait_for(second, lambda: events(runs / "second", "ask"), "demand of the second")
    shell.wait_for(second, lambda: events(runs / "second", "epoch"), "trial of the second")
    # The first had all the room there is, and has made some.
    assert first.poll() is None
    for driver in (first, second):
        shell.end_of(driver, code=0)
    configs = [
        {trial.config for trial in audit(runs / name).trials.values()}
        for name in ("first", "second")
    ]
    assert not configs[0] & configs[1]


@pytest.mark.slow
def test_a_cluster_grows_to_what_a_search_can_use_and_shrinks_after_it(shell: Shell) -> None:
    head_id = "f" * 51 + "00000"
    config = shell.folder / "cluster.json"
    shell.environment |= {
        "RAY_FAKE_CLUSTER": "1",
        "RAY_enable_autoscaler_v2": "0",
        "AUTOSCALER_UPDATE_INTERVAL_S": "1",
        "RAY_OVERRIDE_NODE_ID_FOR_TESTING": head_id,
    }
    port = free_port()
    provider = {
        "type": "fake_multinode",
        "gcs_address": f"127.0.0.1:{port}",
        "head_node_id": head_id,
        "launch_multiple": True,
        # All its nodes have this machine's address, and nothing is to be installed on them.
        "use_node_id_as_ip": True,
        "disable_node_updaters": True,
        "disable_launch_config_check": True,
    }
    config.write_text(json.dumps({**FAKE_CLUSTER, "provider": provider}))
    cluster = Cluster(shell, "--autoscaling-config", str(config), cpus=0, port=port)

    def num_workers() -> int:
        return sum("/raylet/raylet" in name for name in shell.processes().values()) - 1

    space = shell.space(**STEADY, trials=6, epochs=MANY_EPOCHS)
    arguments = ["--space", space, "--address", cluster.address, "--max-concurrent", "3"]
    driver = shell.start("tune_noise.search", *arguments)
    shell.wait_for(driver, lambda: len(shell.actors()) == 3, "three trials")
    # Ray's fake provider lists nodes in the middle of a launch: its autoscaler may then start one
    # more than it was asked for, which ends because it is idle.
    shell.wait_for(driver, lambda: num_workers() == 2, "two nodes of two CPUs each")
    driver.kill()
    # What it had asked for went with it.
    shell.wait_until(lambda: num_workers() == 0, "end of the nodes")
