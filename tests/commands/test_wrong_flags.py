"""Wrong flags, data and folders, through the real commands: exit code 2 and one message."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tune_noise.record import Event, Record

from .console import SPACE, Run, refuse, space, write

WRONG_FLAGS: dict[str, tuple[list[str], tuple[str, ...]]] = {
    "a misspelt space": (["--space", "smok"], ("--space smok", "did you mean 'smoke'?")),
    "a space file that is not there": (
        ["--space", "no/such.yaml"],
        ("--space no/such.yaml: there is no such file; shipped:", "smoke"),
    ),
    "a space that is a folder": (["--space", "."], ("--space .: there is no such space",)),
    "an unknown field": (
        ["--space", "smoke", "--set", "learning_rate=1"],
        ("--set has 1 problem", "learning_rate unknown field: did you mean 'lr'?"),
    ),
    "assignments without a value": (
        ["--space", "smoke", "--set", "lr", "--set", "=3"],
        ("--set has 2 problems", "lr must be field=value, e.g. lr=0.001"),
    ),
    "an assignment that is not YAML": (
        ["--space", "smoke", "--set", "lr=[1"],
        ("--set has 1 problem", "lr=[1", "not valid YAML"),
    ),
    "no epochs": (
        ["--space", "smoke", "--epochs", "0"],
        ("as the command line changes it has 1 problem", "epochs 0 must be greater than or equal"),
    ),
    "no trials": (["--space", "smoke", "--trials", "0"], ("trials 0 must be greater",)),
    "a name that leaves the folder": (
        ["--space", "smoke", "--name", "a/b"],
        ("name 'a/b' must be letters, digits, dot, dash and underscore alone",),
    ),
    "a duration in words": (
        ["--space", "smoke", "--time-budget", "soon"],
        ("--time-budget soon: must be a duration such as 90s, 30m or 1h30m",),
    ),
    "a duration of nothing": (
        ["--space", "smoke", "--time-budget", "0s"],
        ("--time-budget 0s: must be greater than 0",),
    ),
    "an unknown data set": (
        ["--space", "smoke", "--dataset", "cifra10"],
        ("data set 'cifra10' is neither a known name", "did you mean 'cifar10'?"),
    ),
    "a data set that is not there": (
        ["--space", "smoke", "--dataset", "mine.npz"],
        ("'mine.npz' does not exist", "a path is read from the current folder"),
    ),
    "a tracking store in a folder": (
        ["--space", "smoke", "--tracking-uri", "file:///tmp/mlruns"],
        ("--tracking-uri file:///tmp/mlruns: ", "plain folder", "sqlite:////ABSOLUTE/FILE.db"),
    ),
    "a tracking store of an unknown kind": (
        ["--space", "smoke", "--tracking-uri", "redis://x"],
        ("--tracking-uri redis://x: the scheme 'redis' is not supported",),
    ),
    "a cluster address without a port": (
        ["--space", "smoke", "--address", "head-node"],
        ("--address head-node: must be HOST:PORT of a running cluster, or auto",),
    ),
    "a cluster that does not answer": (
        ["--space", "smoke", "--address", "127.0.0.1:9"],
        ("--address 127.0.0.1:9: no Ray cluster answers there (Connection refused)", "ray start"),
    ),
}


@pytest.mark.parametrize("case", WRONG_FLAGS)
def test_a_wrong_flag_is_refused_with_place_rule_value_and_way_out(run: Run, case: str) -> None:
    arguments, fragments = WRONG_FLAGS[case]
    refuse(run("search", *arguments), *fragments)


def save_npz(path: str, *, count: int = 40, size: int = 8, **changes: Any) -> str:
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (count, size, size)).astype(np.uint8)
    np.savez(path, **{"images": images, "labels": np.arange(count) % 2, **changes})
    return path


def test_data_that_cannot_be_read_are_refused(run: Run) -> None:
    Path("bad.npz").write_bytes(b"no archive")
    wanted = ("bad.npz cannot be read as an .npz file", "numpy.savez_compressed")
    refuse(run("search", "--space", "smoke", "--dataset", "bad.npz"), *wanted)
    save_npz("bad.npz", labels=np.linspace(0, 1, 40))
    wanted = ("bad.npz has 1 problem", "labels float64 must be class ids 0..K-1, as integers")
    refuse(run("search", "--space", "smoke", "--dataset", "bad.npz"), *wanted)


def test_data_that_do_not_suit_the_search_are_refused_before_anything_starts(run: Run) -> None:
    save_npz("tiny.npz", size=3)
    refuse(
        run("search", "--space", "smoke", "--dataset", "tiny.npz", "--set", "model=conv9_small"),
        "model conv9_small needs images of at least 4 x 4 pixels; tiny.npz has 3: use another",
    )
    searched = "model={choice: [mlp1, conv9_small]}"
    refuse(
        run("search", "--space", "smoke", "--dataset", "tiny.npz", "--set", searched),
        "model conv9_small needs images of at least 4 x 4 pixels",
    )
    order = "example_order={choice: [shuffled, clean_first]}"
    given = write(space(noise="given", conditions=None))
    refuse(
        run("search", "--space", given, "--dataset", "tiny.npz", "--set", order),
        "example_order 'clean_first' needs true labels, and tiny.npz has none",
    )
    refuse(
        run("search", "--space", "smoke", "--dataset", "tiny.npz", "--set", "val_fraction=0.01"),
        "val_fraction 0.01 splits 40 examples into 40 for training and 0 for validation",
    )


def test_data_that_are_not_there_and_not_to_be_had_are_refused_in_seconds(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("TUNE_NOISE_DATA", "empty")
    started = time.monotonic()
    refuse(
        run("search", "--space", "smoke", "--dataset", "fashion_mnist"),
        "fashion_mnist is not in empty and cannot be downloaded",
        "train-images-idx3-ubyte.gz",
        "into empty/FashionMNIST/raw",
        "--data-dir DIR or the variable TUNE_NOISE_DATA",
    )
    assert time.monotonic() - started < 60


def test_an_output_folder_that_cannot_be_made_is_refused(run: Run) -> None:
    Path("taken").write_text("a file")
    refuse(run("search", "--space", "smoke", "--output", "taken"), "taken is not a folder")
    refuse(run("search", "--space", "smoke", "--output", "taken/deeper"), "taken is not a folder")


def test_a_tracking_server_that_does_not_answer_is_refused_in_seconds(run: Run) -> None:
    started = time.monotonic()
    refuse(
        run("search", "--space", "smoke", "--tracking-uri", "http://127.0.0.1:9"),
        "--tracking-uri http://127.0.0.1:9: no MLflow server answered",
        "mlflow server",
    )
    assert time.monotonic() - started < 60


def test_the_other_commands_refuse_alike(run: Run) -> None:
    for command in ("resume", "deliver"):
        refuse(run(command, "none"), "none holds no search: nothing is recorded in none/record.db")
    refuse(run("report", "none"), "none holds no search: nothing is recorded in none/record.db")
    refuse(run("spaces", "show", "smok"), "--space smok", "did you mean 'smoke'?")
    refuse(
        run("train", "--set", "tau=0.5", "--set", "modle=mlp1"),
        "--set has 2 problems",
        "tau has no effect here: it applies only to method co_teaching, small_loss,",
        "modle unknown key: did you mean 'model'?",
    )
    refuse(run("train", "--set", "noise_rate=45"), "noise_rate 45", "for 45 percent write 0.45")
    refuse(run("train", "--device", "cuda"), "--device cuda: torch finds no GPU")


def test_a_renamed_folder_is_not_taken_for_a_new_search(run: Run) -> None:
    Path("moved").mkdir()
    with Record(Path("moved/record.db")) as record:
        record.append(Event("search", data={"config": SPACE | {"name": "first"}}))
    refuse(run("resume", "moved"), "moved holds the search 'first': rename the folder back")


@pytest.mark.parametrize("arguments", [["--space"], ["--spac", "smoke"], ["--trials", "x"]])
def test_usage_errors_have_exit_code_2_too(run: Run, arguments: list[str]) -> None:
    outcome = run("search", *arguments)
    assert outcome.code == 2
    assert "Traceback" not in outcome.err
