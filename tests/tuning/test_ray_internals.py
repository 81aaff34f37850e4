"""Ray's private names, each against the real library: what fails here has moved in Ray."""

import contextlib
import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import ray
from ray import tune
from ray._private import services
from ray.air.execution import PlacementGroupResourceManager, ResourceRequest
from ray.air.execution._internal import event_manager
from ray.air.execution._internal.actor_manager import RayActorManager
from ray.exceptions import ObjectLostError, RayActorError, RpcError
from ray.tune.schedulers import FIFOScheduler

from tests.support.waiting import wait_for
from tune_noise.tuning import ray_internals
from tune_noise.tuning.cluster.capacity import ClusterSearches, has_autoscaler
from tune_noise.tuning.ray_internals import DriverPaths, HeadStore


@pytest.fixture(scope="module")
def current_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the driver is when it connects."""
    return tmp_path_factory.mktemp("current")


@pytest.fixture(scope="module", autouse=True)
def _ray(current_folder: Path) -> Iterator[None]:
    options = {"num_cpus": 1, "include_dashboard": False, "log_to_driver": False}
    with contextlib.chdir(current_folder):
        ray.init(address="local", job_config=DriverPaths(), **options)
    yield
    ray.shutdown()


def test_a_process_looks_for_modules_where_its_driver_does(
    current_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = ray.get(ray.remote(lambda: sys.path).remote())
    assert str(current_folder) not in paths
    # As with `python -m`, where the driver looks there.
    monkeypatch.syspath_prepend(current_folder)
    job = DriverPaths(_py_driver_sys_path=["/nowhere", str(current_folder)])
    assert list(job._get_proto_job_config().py_driver_sys_path) == [str(current_folder)]


def test_signals_reach_this_process_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    from ray._private import services, utils

    for module, name in ((services, "ConsolePopen"), (utils, "set_sigterm_handler")):
        monkeypatch.setattr(module, name, getattr(module, name))  # to be put back
    ray_internals.keep_signals_from_ray()
    before = signal.getsignal(signal.SIGTERM)
    utils.set_sigterm_handler(lambda *_: None)
    assert signal.getsignal(signal.SIGTERM) is before
    process = services.start_ray_process(["sleep", "600"], "test", fate_share=True).process
    assert os.getsid(process.pid) == process.pid
    process.kill()
    process.wait()


def test_the_store_of_the_head_keeps_values_by_key() -> None:
    store = HeadStore()
    assert store.get(b"a:1") is None
    store.put(b"a:1", b"one")
    store.put(b"a:1", b"two")
    store.put(b"b:1", b"three")
    assert store.get(b"a:1") == b"two"
    assert store.keys(b"a:") == {b"a:1"}
    store.delete(b"a:1")
    store.delete(b"a:1")
    store.delete(b"b:1")
    assert store.keys(b"") == set()


def test_this_driver_is_a_living_job() -> None:
    assert ray.get_runtime_context().get_job_id() in HeadStore().living_jobs()


def test_a_search_sees_living_searches_and_removes_those_of_lost_drivers() -> None:
    searches, store = ClusterSearches(), HeadStore()
    store.put(b"wanted:ffffffff", b"7")
    assert searches.announce(3) == {searches.name: 3}
    assert store.keys(b"wanted:") == {b"wanted:" + searches.name.encode()}
    searches.withdraw()
    assert store.keys(b"wanted:") == set()


def test_a_head_without_an_autoscaler_reports_its_state_under_the_keys_that_are_read() -> None:
    store = HeadStore()
    assert "load_metrics_report" in json.loads(store.autoscaler_status() or b"{}")
    assert ray._raylet.GCS_AUTOSCALER_V2_ENABLED_KEY.encode() == ray_internals._V2_ENABLED
    assert ray._raylet.GCS_AUTOSCALER_STATE_NAMESPACE.encode() == ray_internals._V2_NAMESPACE
    assert not store.has_autoscaler_v2()
    assert not has_autoscaler()


def test_ray_prints_nothing_of_what_its_listener_for_errors_receives(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    message = {"job_id": None, "error_message": "a worker died"}

    class Subscriber:
        """Gives one message; the loop of Ray's then ends."""

        def __init__(self) -> None:
            self.messages = [message]

        def subscribe(self) -> None: ...

        def poll(self) -> tuple[None, dict[str, Any]]:
            if not self.messages:
                raise ConnectionError
            return None, self.messages.pop()

    def listen() -> str:
        worker = SimpleNamespace(
            gcs_error_subscriber=Subscriber(),
            current_job_id=ray._private.worker.global_worker.current_job_id,
        )
        stopped = SimpleNamespace(is_set=lambda: False)
        ray._private.worker.listen_error_messages(worker, stopped)
        return capsys.readouterr().out

    # Another test of this process may have silenced Ray before.
    monkeypatch.setattr(
        ray._private.worker, "print_to_stdstream", lambda data, ignore_prefix: print(data["lines"])
    )
    assert "a worker died" in listen()
    ray_internals.silence_lost_processes()
    assert listen() == ""


def test_auto_means_the_ray_that_runs_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = ray.get_runtime_context().gcs_address
    # Where several run on a machine, the file decides.
    file = tmp_path / "ray" / "ray_current_cluster"
    file.parent.mkdir()
    file.write_text(address)
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    assert ray_internals.current_cluster() == (address, "a Ray process")


def test_a_head_names_a_node_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    [node] = ray.nodes()
    address = ray.get_runtime_context().gcs_address
    ray_internals.check_node_here(address, seconds=30)
    # Another part of Ray speaks the same protocol, and is no head.
    with pytest.raises(RpcError):
        ray_internals.check_node_here(f"127.0.0.1:{node['NodeManagerPort']}", seconds=30)
    monkeypatch.setattr(services, "find_node_ids", set)
    with pytest.raises(RuntimeError, match="No node info found"):
        ray_internals.check_node_here(address, seconds=0.5)


class Idle:
    """An actor whose results get lost."""

    def work(self) -> None: ...


def test_a_lost_result_is_handled_as_a_lost_actor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Through the loop of Ray's own actor manager, which calls what is replaced by keyword."""
    of_ray = RayActorManager._actor_task_failed
    monkeypatch.setattr(RayActorManager, "_actor_task_failed", getattr(of_ray, "of_ray", of_ray))
    errors: list[Exception] = []

    def lose_a_result() -> None:
        resources = PlacementGroupResourceManager()
        manager = RayActorManager(resource_manager=resources)
        started: list[Any] = []
        actor = manager.add_actor(
            ray.remote(Idle),
            kwargs={},
            resource_request=ResourceRequest([{"CPU": 1}]),
            on_start=started.append,
        )
        while not started:
            manager.next(timeout=1)
        manager.schedule_actor_task(actor, "work", on_error=lambda actor, e: errors.append(e))

        def lost(reference: Any) -> None:
            raise ObjectLostError("0" * 56, None, "")

        def has_failed() -> bool:
            manager.next(timeout=1)
            return bool(errors)

        try:
            with monkeypatch.context() as patch:
                patch.setattr(event_manager.ray, "get", lost)
                wait_for(has_failed, "error")
        finally:
            manager.remove_actor(actor, kill=True)
            manager.cleanup()
            resources.clear()

    with pytest.raises(RuntimeError, match="unexpected exception"):
        lose_a_result()
    for _ in range(2):
        ray_internals.patch_lost_results()
    lose_a_result()
    [error] = errors
    assert isinstance(error, RayActorError)
    assert "ObjectLostError" in str(error)


class Trainable(tune.Trainable):  # type: ignore[misc]
    """Reports what it was handed, or fails with it; it has no checkpoint for Ray."""

    def setup(self, config: dict[str, Any]) -> None:
        self.handed = "nothing"

    def take(self, text: str, seconds: float) -> None:
        self.handed = f"{text}, {seconds} s"

    def step(self) -> dict[str, Any]:
        if self.handed.startswith("an error"):
            raise ValueError(self.handed)
        return {"handed": self.handed}

    def save(self, checkpoint_dir: str | None = None) -> Any:
        return ray_internals.no_checkpoint()


class Scheduler(FIFOScheduler):  # type: ignore[misc]
    """Hands a stack over, pauses the trial, and hands an error to the actor that follows."""

    def __init__(self) -> None:
        super().__init__()
        self.handed: list[str] = []

    def on_trial_result(self, controller: Any, trial: Any, result: dict[str, Any]) -> str:
        self.handed.append(result["handed"])
        if result["handed"] != "nothing":
            return str(self.PAUSE)
        ray_internals.hand_over(trial, "a stack" if len(self.handed) == 1 else "an error", 1.5)
        return str(self.CONTINUE)

    def choose_trial_to_run(self, controller: Any) -> Any:
        ray_internals.release_idle_actors(controller)
        return super().choose_trial_to_run(controller)

    def on_trial_error(self, controller: Any, trial: Any) -> None:
        assert trial.run_metadata.pickled_error_filename is not None
        ray_internals.forget_pickled_error(trial)
        super().on_trial_error(controller, trial)


def test_a_run_of_ray_tune_with_all_that_is_private(tmp_path: Any) -> None:
    scheduler = Scheduler()
    results = tune.Tuner(
        tune.with_resources(Trainable, {"cpu": 1}),
        tune_config=tune.TuneConfig(scheduler=scheduler, reuse_actors=True),
        run_config=tune.RunConfig(
            name="tune",
            storage_path=str(tmp_path),
            verbose=0,
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
        ),
    ).fit()
    assert scheduler.handed == ["nothing", "a stack, 1.5 s", "nothing"]
    [result] = results
    assert result.checkpoint is None
    # Ray has read its text file: it would be a ValueError if it had unpickled it.
    assert not isinstance(result.error, ValueError)
    assert "ValueError: an error, 1.5 s" in str(result.error)
