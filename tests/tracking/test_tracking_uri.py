import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.ports import free_port
from tests.support.scripted_search import WARNINGS_OF_MLFLOW
from tune_noise.errors import UserError
from tune_noise.tracking import check_tracking_uri, default_tracking_uri
from tune_noise.tracking.uri import sqlite_file

pytestmark = WARNINGS_OF_MLFLOW


def test_an_unreachable_server_is_one_clear_message_within_seconds() -> None:
    began = time.monotonic()
    with pytest.raises(UserError) as caught:
        check_tracking_uri(f"http://ada:secret@127.0.0.1:{free_port()}")
    assert time.monotonic() - began < 60.0
    assert "no MLflow server answered" in str(caught.value)
    assert "mlflow server --host" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_server_that_accepts_and_never_answers_is_given_up_within_seconds() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        began = time.monotonic()
        with pytest.raises(UserError, match="no MLflow server answered"):
            check_tracking_uri(f"http://127.0.0.1:{silent.getsockname()[1]}")
        assert time.monotonic() - began < 60.0


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("file:///tmp/mlruns", "no longer stores runs in a plain folder"),
        ("./mlruns", "no longer stores runs in a plain folder"),
        ("ftp://host/x", "'ftp' is not supported"),
        ("http://", "no host name"),
        ("http://host:port", "its host or port cannot be understood"),
        ("http://ada:secret/1@127.0.0.1:1", "in a password write %2F for /"),
        ("http://[::1", "write http://HOST:PORT"),
        ("sqlite://", "no file in it"),
        ("sqlite:mlflow.db", "cannot be understood"),
        ("sqlite:////tmp/proj?a/mlflow.db", "write %3F for a [?] of the path, %25"),
        ("sqlite:////tmp/proj?a=b/mlflow.db", "[?] begins parameters in it"),
        ("sqlite:////dev/null/mlflow.db", "we may not write in /dev/null"),
        (f"sqlite:////tmp/{'x' * 300}", "File name too long"),
        ("postgresql+nosuchdriver://ada:secret@127.0.0.1:1/x", "no database answered"),
        ("postgresql://ada:secret@127.0.0.1:port/x", "no database answered"),
    ],
)
def test_an_unusable_uri_is_refused(uri: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        check_tracking_uri(uri)
    assert "secret" not in str(caught.value)
    assert str(caught.value).startswith("--tracking-uri ")


@given(
    start=st.sampled_from(["", "sqlite:", "sqlite:///", "sqlite:////nowhere/", "file:", "x:"]),
    rest=st.text(max_size=20),
)
def test_any_text_is_a_store_or_a_clear_message(start: str, rest: str) -> None:
    uri = start + rest
    if uri.lower().startswith(("http", "mysql", "mssql", "postgres")):
        return  # may ask the network
    message = "--tracking-uri "
    try:
        check_tracking_uri(uri)
    except UserError as error:
        message = str(error)
    assert message.startswith("--tracking-uri ")


def test_a_uri_of_the_environment_is_refused_by_the_variables_name() -> None:
    with pytest.raises(UserError) as caught:
        check_tracking_uri("databricks", source="MLFLOW_TRACKING_URI")
    assert str(caught.value).startswith("MLFLOW_TRACKING_URI databricks: ")
    assert str(caught.value).endswith("or overrule the environment with --tracking-uri")


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.db").write_text("Dear diary, this is no database")
    with pytest.raises(UserError, match="is not a SQLite database"):
        check_tracking_uri(f"sqlite:///{tmp_path}/notes.db")


def test_the_default_store_of_a_new_output_folder_is_accepted(tmp_path: Path) -> None:
    check_tracking_uri(default_tracking_uri(tmp_path / "not" / "yet"))
    assert not (tmp_path / "not").exists()


@given(st.text(st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1, max_size=30))
def test_the_default_store_lies_in_the_output_folder_whatever_its_name(name: str) -> None:
    folder = Path("/nowhere").joinpath(name).resolve()
    assert sqlite_file(default_tracking_uri(folder)) == folder / "mlflow.db"


def test_a_uri_of_a_sqlite_file_may_have_parameters(tmp_path: Path) -> None:
    check_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db?timeout=60")


def test_importing_tracking_does_not_import_mlflow() -> None:
    code = "import sys, tune_noise.tracking; sys.exit('mlflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
