"""The SQLite store is there as a whole or not at all."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import mlflow
import pytest

from tune_noise.tracking import default_tracking_uri
from tune_noise.tracking.store import artifact_location, connect, find_experiment

# MLflow and what it imports warn of their own future.
pytestmark = pytest.mark.filterwarnings("default")

CONNECT = "import sys; from tune_noise.tracking.store import connect; connect(sys.argv[1])"


def num_tables(folder: Path) -> int:
    """Tables of any database below a folder, while another process makes them."""
    count = 0
    for path in folder.iterdir():
        if path.name.endswith(("-wal", "-shm")):
            continue
        try:
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
                query = "select count(*) from sqlite_master where type = 'table'"
                count += connection.execute(query).fetchone()[0]
        except sqlite3.Error:
            continue  # not yet
    return count


@pytest.mark.parametrize("tables", [1, 20, 50])
def test_a_store_whose_making_was_killed_is_made_again(tmp_path: Path, tables: int) -> None:
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    process = subprocess.Popen([sys.executable, "-c", CONNECT, uri], start_new_session=True)
    while num_tables(tmp_path) < tables:
        assert process.poll() is None
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert num_tables(tmp_path) >= tables

    client = connect(uri)
    assert [experiment.name for experiment in client.search_experiments()] == ["Default"]
    client.create_experiment("mine")
    # No connection to the file under its first name: it would not see other processes' locks.
    opened = [os.readlink(link) for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    assert not [name for name in opened if ".partial" in name]
    # Nothing of the killed one is left beside the store and its write-ahead log.
    names = {path.name for path in tmp_path.iterdir()}
    assert names - {"mlflow.db-wal", "mlflow.db-shm"} == {"mlflow.db", ".mlflow.db.lock"}
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as connection:
        assert connection.execute("pragma journal_mode").fetchone() == ("wal",)
        assert connection.execute("pragma integrity_check").fetchone() == ("ok",)


def new_run(output_root: Path) -> str:
    """MLflow's id of a run with one artifact, in the store of an output folder."""
    uri = default_tracking_uri(output_root)
    client = connect(uri)
    location = artifact_location(uri, output_root / "mine")
    run = client.create_run(find_experiment(client, "mine", location=location))
    client.log_text(run.info.run_id, str(output_root), "place.txt")
    return str(run.info.run_id)


def place_of(output_root: Path, run_id: str) -> str:
    """The content of the run's artifact, as MLflow finds it."""
    run = connect(default_tracking_uri(output_root)).get_run(run_id)
    return mlflow.artifacts.load_text(f"{run.info.artifact_uri}/place.txt")


def test_folders_whose_names_differ_behind_a_sign_of_a_uri_have_stores_of_their_own(
    tmp_path: Path,
) -> None:
    folders = [tmp_path / name for name in ("proj?a", "proj?b", "50%25 #;&")]
    runs = {folder: new_run(folder) for folder in folders}
    assert set(tmp_path.iterdir()) == set(folders)
    for folder, run_id in runs.items():
        assert len(connect(default_tracking_uri(folder)).search_experiments()) == 2
        assert place_of(folder, run_id) == str(folder)


def test_a_store_that_was_moved_or_copied_finds_its_files_beside_it(tmp_path: Path) -> None:
    first, moved, copied = (tmp_path / name for name in ("first", "moved?", "copied"))
    run_id = new_run(first)
    first.rename(moved)
    assert place_of(moved, run_id) == str(first)
    shutil.copytree(moved, copied)
    (copied / "mlartifacts" / run_id / "artifacts" / "place.txt").write_text("of the copy")
    assert place_of(copied, run_id) == "of the copy"
    assert place_of(moved, run_id) == str(first)
    new_run(moved)
    assert not first.exists()


def test_a_store_reached_by_a_link_or_alone_keeps_its_files_where_they_are(tmp_path: Path) -> None:
    run_id = new_run(tmp_path / "first")
    (tmp_path / "link").symlink_to("first")
    (tmp_path / "alone").mkdir()
    for file in (tmp_path / "first").glob("mlflow.db*"):
        shutil.copy(file, tmp_path / "alone")
    for folder in ("link", "alone"):
        client = connect(f"sqlite:///{tmp_path}/{folder}/mlflow.db")
        uri = client.get_run(run_id).info.artifact_uri
        assert uri.startswith((tmp_path / "first" / "mlartifacts").as_uri())
