"""One's own data in every form: searched, and the winner predicts new raw inputs.

The accuracy of raw inputs is the recorded one to the last digit, by `tune-noise predict` and by the
registered model, which MLflow loads.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.support.own_data import OWN_ENCODER, Form, write_forms
from tests.support.scripted_search import WARNINGS_OF_MLFLOW
from tests.support.shell import Shell, running_shell

from .test_commands import start_head

pytestmark = [pytest.mark.long, *WARNINGS_OF_MLFLOW]
SPACE: dict[str, Any] = {
    "noise": "given",
    "conditions": {},
    "search": {"lr": {"loguniform": [0.02, 0.1]}},
    "fixed": {"model": "perceptron"},
    "compare": None,
    "trials": 2,
    "epochs": 3,
    "early_stopping": None,
    "confirm": {"finalists": 1, "seeds": 1},
}


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    with running_shell(tmp_path_factory.mktemp("own")) as shell:
        shell.environment["TUNE_NOISE_DATA"] = str(shell.folder / "cache")
        shell.environment["PYTHONPATH"] = str(shell.folder)  # holds an encoder
        yield shell


@pytest.fixture(scope="module")
def forms(shell: Shell) -> dict[str, Form]:
    return write_forms(shell.folder)


@pytest.fixture(scope="module")
def address(shell: Shell) -> Iterator[str]:
    """One cluster for all searches, as each would wait for one of its own."""
    with ExitStack() as stack:
        yield start_head(shell, stack)


def truth(home: Path, form: Form) -> tuple[Any, Any]:
    """The raw inputs of the test split as a program has them, and their labels."""
    path = home / form.test
    if path.is_dir():
        paths = sorted(path.glob("*/*.png"))
        frame = pd.DataFrame({"image": list(map(str, paths))})
        return frame, np.array([path.parent.name for path in paths])
    if path.suffix == ".npz":
        arrays = np.load(path)
        return arrays["features"], arrays["labels"]
    frame = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    return frame, frame.label.to_numpy()


@pytest.mark.parametrize(
    "name",
    [
        "table",
        "texts",
        "photos",
        pytest.param("npz", marks=pytest.mark.slow),
        pytest.param("parquet", marks=pytest.mark.slow),
        pytest.param("own_encoder", marks=pytest.mark.slow),
    ],
)
def test_a_winner_predicts_raw_inputs_as_well_as_it_was_recorded(
    shell: Shell,
    forms: dict[str, Form],
    address: str,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import mlflow

    form = forms[name]
    consent = OWN_ENCODER if name == "own_encoder" else None
    monkeypatch.syspath_prepend(shell.folder)
    sets = [argument for option in form.options for argument in ("--set", option)]
    asked = ["--space", shell.space(**SPACE), "--data", form.train, "--name", name, *sets]
    said = shell.search(*asked, "--address", address)
    winner = f"runs/{name}/winners/all"
    about = json.loads((shell.folder / winner / "config.json").read_text())
    recorded = about["metrics_of_these_weights"]["test_accuracy_clean"]
    assert recorded > 0.4

    asked = ["predict", form.test, "--model", winner, "--json"]
    if consent is not None:
        assert consent in shell.run("tune-noise", *asked, code=2)
        asked += ["--own-network", consent]
    predicted = json.loads(shell.run("tune-noise", *asked))
    assert [row["accuracy"] for row in predicted["accuracy"].values()] == [recorded]

    [line] = [line for line in said.splitlines() if line.startswith("model ")]
    registered = line.split()[1]
    champion = f"models:/{registered}@champion"
    if name == "texts":  # each command starts a process, and one is enough to see it
        by_champion = shell.run("tune-noise", "predict", form.test, "--model", champion, "--json")
        assert json.loads(by_champion)["predictions"] == predicted["predictions"]

    mlflow.set_tracking_uri(f"sqlite:///{shell.folder}/runs/mlflow.db")
    allowed = None if consent is None else {"own_network": consent}
    model = mlflow.pyfunc.load_model(champion, model_config=allowed)
    inputs, labels = truth(shell.folder, form)
    answer = model.predict(inputs, params={"names": True})
    words = answer if name == "npz" else answer.predicted_label.to_numpy()
    assert (words == labels).mean() == recorded
    if name != "photos":  # the example of a path leads nowhere
        assert len(model.predict(model.input_example)) == 1
