"""The SQLite store is there as a whole or not at all."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from tune_noise.tracking.store import connect

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
