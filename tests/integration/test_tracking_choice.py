"""Where MLflow is: the option wins over the environment, and each is called by its name."""

import pytest

from tests.support.shell import Shell

GOOD = "sqlite:////tmp/never-made/mlflow.db"
# Nothing listens there, so a search that gets this far ends before it begins.
NO_CLUSTER = ["--address", "127.0.0.1:1"]


@pytest.mark.parametrize(
    ("option", "variable", "error"),
    [
        (None, "databricks", "error: MLFLOW_TRACKING_URI databricks: "),
        ("ftp://host", GOOD, "error: --tracking-uri ftp://host: "),
        (GOOD, "databricks", "error: --address 127.0.0.1:1: "),
        (None, GOOD, "error: --address 127.0.0.1:1: "),
        # As a program that was told nothing.
        (None, "", "error: --address 127.0.0.1:1: "),
    ],
)
def test_the_option_wins_over_the_environment(
    shell: Shell, option: str | None, variable: str, error: str
) -> None:
    shell.environment["MLFLOW_TRACKING_URI"] = variable
    given = [] if option is None else ["--tracking-uri", option]
    err = shell.run("tune_noise.search", "--space", shell.space(), *given, *NO_CLUSTER, code=2)
    assert err.startswith(error)
    assert not (shell.folder / "runs").exists()
