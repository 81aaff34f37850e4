"""`tune-noise predict` on raw inputs of every form, by a model that `tune-noise train` has left."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from tests.support.own_data import SPLITS, Form, write_forms
from tune_noise.training.saved_model import CONFIG_FILE, load_model

from .console import Run

Trained = Callable[[str], Form]
FORMS = ("npz", "parquet", "table", "texts", "photos")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("own")


@pytest.fixture(scope="module")
def forms(home: Path) -> dict[str, Form]:
    return write_forms(home)


@pytest.fixture
def trained(
    run: Run, home: Path, forms: dict[str, Form], monkeypatch: pytest.MonkeyPatch
) -> Trained:
    """Train a model on one form, unless a test before has."""
    monkeypatch.chdir(home)
    monkeypatch.setenv("TUNE_NOISE_DATA", str(home / "cache"))

    def train(name: str) -> Form:
        form = forms[name]
        if not (home / f"model_{name}").exists():
            values = ["noise=given", "model=perceptron", "lr=0.03", "epochs=5", *form.options]
            sets = [argument for value in values for argument in ("--set", value)]
            outcome = run(
                "train", "--data", form.train, *sets, "--output", f"model_{name}", "--quiet"
            )
            assert outcome.code == 0, outcome.err
        return form

    return train


@pytest.mark.parametrize("name", FORMS)
def test_the_accuracy_of_raw_inputs_is_the_recorded_one(
    run: Run, trained: Trained, home: Path, name: str
) -> None:
    form = trained(name)
    predicted = json.loads(run("predict", "--model", f"model_{name}", form.test, "--json").out)
    recorded = json.loads((home / f"model_{name}" / CONFIG_FILE).read_text())[
        "metrics_of_these_weights"
    ]
    [accuracy] = predicted["accuracy"].values()
    assert accuracy["accuracy"] == recorded["test_accuracy_clean"] > 0.5
    assert len(predicted["predictions"]) == SPLITS["test"]
    assert predicted["predictions"][0]["predicted_label"] in predicted["class_names"]
    table = list(
        csv.DictReader(io.StringIO(run("predict", "--model", f"model_{name}", form.test).out))
    )
    labels = [row["predicted_label"] for row in predicted["predictions"]]
    assert [row["predicted_label"] for row in table] == labels
    if name != "npz":
        assert table[7]["id"].rpartition("/")[2].removesuffix(".png").startswith("test-")


def test_in_python_a_table_texts_and_paths_are_predicted(
    run: Run, trained: Trained, home: Path
) -> None:
    def accuracy(name: str, inputs: object, labels: "pd.Series[str]") -> float:
        predicted = load_model(home / f"model_{name}").predict_raw(inputs)
        return float((predicted.predicted_label.to_numpy() == labels.to_numpy()).mean())

    def recorded(name: str) -> float:
        about = json.loads((home / f"model_{name}" / CONFIG_FILE).read_text())
        value: float = about["metrics_of_these_weights"]["test_accuracy_clean"]
        return value

    table = pd.read_csv(trained("table").test)
    assert accuracy("table", table, table.label) == recorded("table")
    texts = pd.read_csv(trained("texts").test)
    assert accuracy("texts", texts.text.tolist(), texts.label) == recorded("texts")
    paths = sorted((home / trained("photos").test).glob("*/*.png"))
    labels = pd.Series([path.parent.name for path in paths])
    assert accuracy("photos", paths, labels) == recorded("photos")


def test_what_is_not_like_the_training_data_is_refused_or_said(
    run: Run, trained: Trained, home: Path
) -> None:
    trained("photos")
    texts, table = pd.read_csv(trained("texts").test), pd.read_csv(trained("table").test)
    mixed = run("predict", "--model", "model_texts", "photos/test")
    assert "holds files of pictures, and this model was trained on texts" in mixed.err
    (home / "broken.png").write_bytes(b"nothing")
    broken = run("predict", "--model", "model_photos", "broken.png")
    assert (broken.code, "is not a picture" in broken.err) == (2, True)
    texts.assign(label="cow").to_csv("cow.csv")
    assert (
        "label  holds 'cow', and this model knows"
        in run("predict", "--model", "model_texts", "cow.csv").err
    )
    table.assign(price=1).to_csv("more.csv", index=False)
    assert (
        "do not have, or use: 'price'" in run("predict", "--model", "model_table", "more.csv").err
    )


def test_another_version_of_the_encoders_library_is_said_and_foreign_code_is_not_run(
    run: Run, trained: Trained, home: Path
) -> None:
    test, config = trained("texts").test, home / "model_texts" / CONFIG_FILE
    text = config.read_text()
    about = json.loads(text)
    try:
        about["encoder"]["version"]["package"] = "scikit-learn 0.1"
        config.write_text(json.dumps(about))
        said = run("predict", "--model", "model_texts", test)
        assert "encoder tfidf was made with package scikit-learn 0.1, and here" in said.err
        about["encoder"]["name"] = "planted:Encoder"
        config.write_text(json.dumps(about))
        refused = run("predict", "--model", "model_texts", test)
        assert "'planted:Encoder', an encoder of your own; to run that code" in refused.err
    finally:
        config.write_text(text)
