"""Bad input, through the real commands: exit code 2, one message, nothing left behind."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from tune_noise import cli
from tune_noise.commands import parse_duration, run_app
from tune_noise.errors import UserError
from tune_noise.record import Event, Record

SPACE: dict[str, Any] = {
    "noise": "pair_flip",
    "conditions": {"noise_rate": [0.2, 0.45]},
    "search": {
        "method": {"choice": ["standard", "co_teaching"]},
        "lr": {"loguniform": [0.001, 0.01]},
        "tau": {"uniform": [0.3, 0.6], "when": {"method": "co_teaching"}},
    },
    "fixed": {"ramp_epochs": 4},
    "compare": "method",
    "trials": 8,
    "epochs": 12,
    "early_stopping": {"grace_epochs": 4, "reduction_factor": 2},
}


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def problems(self) -> list[str]:
        """The lines below the heading, with single spaces."""
        return [" ".join(line.split()) for line in self.err.splitlines()[1:]]


Run = Callable[..., Outcome]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """`tune-noise ARGUMENTS` in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["tune-noise", *arguments])
        with pytest.raises(SystemExit) as ended:
            run_app(cli.app, prog_name="tune-noise")
        captured = capsys.readouterr()
        return Outcome(int(ended.value.code or 0), captured.out, captured.err)

    return call


def space(**changes: Any) -> dict[str, Any]:
    """SPACE with keys replaced; None leaves a key out."""
    return {k: v for k, v in (SPACE | changes).items() if v is not None}


def write(raw: Any, path: str = "mine.yaml") -> str:
    Path(path).write_text(raw if isinstance(raw, str) else yaml.safe_dump(raw), encoding="utf-8")
    return path


def refuse(outcome: Outcome, *fragments: str) -> None:
    """One message on stderr with all fragments, exit code 2, nothing on disk but the input."""
    assert outcome.code == 2, outcome
    assert outcome.err.startswith("error: ")
    assert outcome.err.count("error:") == 1
    assert "Traceback" not in outcome.err
    assert outcome.out == ""
    flat = " ".join(outcome.err.split())
    for fragment in fragments:
        assert fragment in flat
    assert not Path("runs").exists()


def in_search(**domains: Any) -> dict[str, Any]:
    return {"search": SPACE["search"] | domains}


WRONG_SPACES: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "a misspelt key": (
        {"conditons": {}},
        ("conditons", "unknown key: did you mean 'conditions'?"),
    ),
    "a misspelt key of a section": (
        {"early_stopping": {"grace_epoch": 4}},
        ("early_stopping.grace_epoch ", "did you mean 'grace_epochs'?", "is missing"),
    ),
    "a misspelt field": (
        {"fixed": {"batchsize": 64}},
        ("fixed.batchsize unknown field: did you mean 'batch_size'?",),
    ),
    "a misspelt domain": (
        in_search(lr={"logunifrom": [0.001, 0.01]}),
        ("search.lr.logunifrom unknown key: did you mean 'loguniform'?",),
    ),
    "a misspelt value": (
        {"noise": "symetric"},
        ("noise 'symetric' is not one of", "did you mean 'symmetric'?"),
    ),
    "a percentage for a noise rate": (
        {"conditions": {"noise_rate": [0.2, 45]}},
        ("conditions.noise_rate 45 must be a fraction in [0, 1)", "write 0.45"),
    ),
    "a tau of 1": (
        in_search(tau={"choice": [0.5, 1], "when": {"method": "co_teaching"}}),
        ("search.tau 1 must be a fraction in [0, 1)",),
    ),
    "an empty choice": (in_search(model={"choice": []}), ("search.model.choice [] ", "at least 1")),
    "a value named twice": (
        in_search(batch_size={"choice": [64, 64.0]}),
        ("search.batch_size choice", "names a value twice"),
    ),
    "a condition without levels": (
        {"conditions": {"noise_rate": []}},
        ("conditions.noise_rate [] has no level",),
    ),
    "a level named twice": (
        {"conditions": {"noise_rate": [0.2, 0.2]}},
        ("conditions.noise_rate [0.2, 0.2] names a level twice",),
    ),
    "a condition that is searched": (
        in_search(noise_rate={"uniform": [0.1, 0.4]}),
        ("search.noise_rate stands also in conditions: keep it in one",),
    ),
    "a fixed field that is searched": (
        {"fixed": {"ramp_epochs": 4, "lr": 0.01}},
        ("fixed.lr stands also in search: keep it in one of the two",),
    ),
    "test accuracy as objective": (
        {"objective": "test_accuracy_clean"},
        ("objective 'test_accuracy_clean' is measured with clean labels", "val_information_noisy"),
    ),
    "a training metric as objective": (
        {"objective": "train_loss_noisy"},
        ("objective 'train_loss_noisy' may not steer a search",),
    ),
    "an unknown objective": (
        {"objective": "val_acuracy_noisy"},
        ("is not a metric: did you mean 'val_accuracy_noisy'?",),
    ),
    "a grace period within the ramp": (
        {"fixed": {"ramp_epochs": 10}},
        (
            "early_stopping.grace_epochs 4 is shorter than the ramp of co_teaching",
            "the better method would be stopped",
            "use 10 or more",
        ),
    ),
    "a grace period within the default warm-up": (
        in_search(method={"choice": ["standard", "co_teaching", "gmm"]}) | {"epochs": 20},
        (
            "early_stopping.grace_epochs 4 is shorter than the warm-up of gmm "
            "(warm_up_epochs up to 10)",
            "use 10 or more",
        ),
    ),
    "a warm-up as long as training": (
        in_search(method={"choice": ["standard", "co_teaching", "gmm"]})
        | {"fixed": {"ramp_epochs": 4, "warm_up_epochs": 8}, "epochs": 8},
        (
            "epochs 8 is not above the warm-up of gmm (warm_up_epochs up to 8), which would never "
            "begin: raise epochs, or set a shorter warm_up_epochs",
        ),
    ),
    "a matrix known of labels as they come": (
        in_search(method={"choice": ["standard", "forward"]})
        | {"noise": "given", "conditions": {}, "fixed": {"transition": "known"}},
        (
            "fixed.transition known needs noise dilution, structured, symmetric,",
            "use estimated",
        ),
    ),
    "more peers than there may be": (
        {"fixed": {"ramp_epochs": 4, "peers": 9}},
        ("fixed.peers 9 must be less than or equal to 8",),
    ),
    "a grace period as long as training": (
        {"epochs": 4},
        ("early_stopping.grace_epochs 4 must be below epochs (4)",),
    ),
    "a compared condition": (
        {"compare": "noise_rate"},
        ("compare noise_rate is a condition: each level has a search of its own",),
    ),
    "a compared range": (
        {"compare": "lr"},
        ("compare lr needs a plain choice", "loguniform [0.001, 0.01]"),
    ),
    "a compared field that is not searched": (
        {"compare": "model"},
        ("compare model is not searched: add `model: {choice: [...]}`",),
    ),
    "a compared field that not every trial has": (
        {"compare": "tau", **in_search(tau={"choice": [0.3, 0.5]})},
        (
            "compare tau means nothing in some trials: it applies only to method",
            "co_teaching, co_teaching_plus or jocor",
        ),
    ),
    "an unknown compared field": (
        {"compare": "metod"},
        ("compare 'metod' is not a field: did you mean 'method'?",),
    ),
    "too few finalists": (
        {"confirm": {"finalists": 1}},
        ("confirm.finalists 1 is below the 2 levels of method", "use 2 or more"),
    ),
    "further seeds that are none": (
        {"confirm": {"seeds": 5, "max_seeds": 5}},
        ("confirm.max_seeds 5 must be above seeds (5)", "leave max_seeds out"),
    ),
    "further seeds below the default": (
        {"confirm": {"max_seeds": 4}},
        ("confirm.max_seeds 4 must be above seeds (5)",),
    ),
    "a first look at one seed": (
        {"confirm": {"seeds": 1, "max_seeds": 10}},
        ("confirm.max_seeds the first look needs a spread", "set seeds to 2 or more"),
    ),
    "further seeds for one finalist": (
        {"confirm": {"finalists": 1, "max_seeds": 10}, "compare": None},
        ("confirm.max_seeds with finalists: 1 nothing is to be decided",),
    ),
    "too few trials": ({"trials": 1}, ("trials 1 per condition cannot serve the 2 levels",)),
    "a grid of a range without points": (
        {"sampler": "grid", "trials": 100},
        ("search.lr a grid needs points: of loguniform [0.001, 0.01]",),
    ),
    "a grid larger than the trials": (
        {
            "sampler": "grid",
            "search": {"lr": {"uniform": [0.1, 0.2], "points": 9}},
            "compare": None,
            "early_stopping": None,
            "fixed": {},
        },
        ("trials 8 per condition is below the grid's 9 points",),
    ),
    "`when` on an unknown field": (
        in_search(tau={"uniform": [0.3, 0.6], "when": {"methd": "co_teaching"}}),
        ("search.tau.when.methd unknown field: did you mean 'method'?",),
    ),
    "`when` on an impossible value": (
        in_search(tau={"uniform": [0.3, 0.6], "when": {"method": "coteaching"}}),
        ("search.tau.when.method 'coteaching' never occurs: method is choice",),
    ),
    "`when` on itself": (
        in_search(tau={"uniform": [0.3, 0.6], "when": {"tau": 0.5}}),
        ("search.tau.when.tau a field cannot depend on itself",),
    ),
    "`when` in a circle": (
        in_search(
            model={"choice": ["mlp1", "mlp2"], "when": {"optimizer": "adam"}},
            optimizer={"choice": ["sgd", "adam"], "when": {"model": "mlp1"}},
        ),
        ("search.model.when depends on itself through other fields", "search.optimizer.when"),
    ),
    "a field that no trial would use": (
        {"fixed": {"ramp_epochs": 4, "momentum": 0.5}},
        ("fixed.momentum has no effect where optimizer is adam", "only to optimizer sgd"),
    ),
    "a condition that some trials would not use": (
        {"conditions": {"tau": [0.2, 0.4]}, "search": {"method": SPACE["search"]["method"]}},
        ("conditions.tau has no effect where method is standard, co_teaching",),
    ),
    "a name with a slash": ({"name": "../up"}, ("name '../up' must be letters, digits",)),
    "a seed among the fixed fields": (
        {"fixed": {"ramp_epochs": 4, "seed": 3}},
        ("fixed.seed seeds come from the search's own `seed:`",),
    ),
    "a noise seed that is searched": (
        in_search(noise_seed={"choice": [1, 2]}),
        ("search.noise_seed labels are no choice of a search: make noise_seed a condition",),
    ),
    "a noise seed for labels that are given": (
        {"noise": "given", "conditions": {"noise_seed": [1, 2]}},
        ("conditions.noise_seed has no effect where noise is given: its labels are given",),
    ),
    "a key of the space among the fixed fields": (
        {"fixed": {"ramp_epochs": 4, "epochs": 3}},
        ("fixed.epochs write it as the space's own key `epochs:`",),
    ),
    "a boolean for a number": ({"trials": True}, ("trials must not be True: YAML reads yes",)),
    "booleans for a range": (
        in_search(lr={"uniform": [False, True]}),
        ("search.lr.uniform must not be False",),
    ),
    "a number in quotes": (
        {"trials": "8"},
        ("trials '8' must be a number: write it without quotes",),
    ),
    "a fraction of an epoch": ({"epochs": 12.5}, ("epochs 12.5 must be a valid integer",)),
    "a whole number with a point": (
        {"early_stopping": {"grace_epochs": 4.0}},
        ("early_stopping.grace_epochs 4.0 must be a whole number: write 4",),
    ),
    "a quoted number among the choices": (
        in_search(batch_size={"choice": ["64", 128]}),
        ("search.batch_size '64' must be a number: write it without quotes",),
    ),
    "a word for a number": ({"epochs": "many"}, ("epochs 'many' must be a number",)),
    "an empty range": (
        in_search(lr={"uniform": [0.2, 0.1]}),
        ("search.lr uniform [0.2, 0.1] is empty: low must be below high",),
    ),
    "a loguniform range from 0": (
        in_search(lr={"loguniform": [0, 0.1]}),
        ("search.lr loguniform [0.0, 0.1] must start above 0",),
    ),
    "a real range of a whole number": (
        in_search(batch_size={"uniform": [16, 64]}),
        ("search.batch_size batch_size is a whole number: use int: or choice:",),
    ),
    "a range of words": (
        in_search(model={"uniform": [0, 1]}),
        ("search.model uniform is a range of numbers; model needs a choice",),
    ),
    "a range out of its field's range": (
        in_search(lr={"uniform": [0.1, 50]}),
        ("search.lr 50.0 must be less than or equal to 10",),
    ),
    "two ranges at once": (
        in_search(lr={"uniform": [0.1, 0.2], "choice": [0.1]}),
        ("search.lr needs exactly one of choice, uniform", "got choice and uniform"),
    ),
    "no range at all": (
        in_search(lr={"when": {"method": "standard"}}),
        ("search.lr needs exactly one of", "got none"),
    ),
    "a section that is a list": ({"search": ["lr"]}, ("search ['lr'] must be a mapping",)),
    "a section left empty": (
        {"confirm": []},
        ("confirm [] must be a mapping of keys to values",),
    ),
    "nothing to search": (
        {"search": {}, "compare": None, "fixed": {}, "early_stopping": None},
        ("trials 8 per condition would all be the same, as nothing is searched",),
    ),
    "a share of several GPUs": (
        {"resources": {"gpus_per_trial": 1.5}},
        ("resources.gpus_per_trial 1.5 must be a share of one GPU, up to 1, or a whole number",),
    ),
    "a number that is not one": (in_search(lr={"choice": [float("nan")]}), ("search.lr nan",)),
}


@pytest.mark.parametrize("case", WRONG_SPACES)
def test_a_wrong_space_is_refused_with_place_rule_value_and_way_out(run: Run, case: str) -> None:
    changes, fragments = WRONG_SPACES[case]
    path = write(space(**changes))
    refuse(run("search", "--space", path), "mine.yaml has ", *fragments)
    refuse(run("spaces", "check", path), "mine.yaml has ", *fragments)


def test_the_space_that_the_wrong_ones_are_made_of_is_right(run: Run) -> None:
    outcome = run("spaces", "check", write(SPACE))
    assert (outcome.code, outcome.out) == (0, "mine.yaml: 2 conditions, 8 trials each: ok\n")


def test_all_problems_of_a_space_are_shown_at_once(run: Run) -> None:
    wrong = space(
        title=3,
        noise="symetric",
        conditions={"noise_rate": [45]},
        search={"lr": {"loguniform": [0, 1]}, "modle": {"choice": ["mlp1"]}},
        fixed={"tau": 1},
        trials=0,
    )
    outcome = run("search", "--space", write(wrong))
    refuse(outcome, "mine.yaml has ")
    places = {line.split()[0] for line in outcome.problems}
    expected = {"title", "noise", "conditions.noise_rate", "search.lr", "search.modle", "fixed.tau"}
    assert places >= expected | {"trials"}


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
        ("--time-budget 0s: must be above 0",),
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


@pytest.mark.parametrize(
    ("text", "fragments"),
    [
        ("trials: 3\nsearch: {lr: [1, 2\n", ("mine.yaml, line 3, column 1: not valid YAML:",)),
        ("trials: 3\nepochs: 2\ntrials: 4\n", ("line 3, column 1", "key 'trials' stands twice")),
        ("- lr\n- tau\n", ("a space is a mapping of keys to values, got ['lr', 'tau']",)),
        ("", ("a space is a mapping of keys to values, got None",)),
        ("trials: !!bool maybe\n", ("mine.yaml: not valid YAML:",)),
        ("trials: 2020-13-45\n", ("trials '2020-13-45' must be a number",)),
        ("a: !!map [1]\n", ("mine.yaml", "not valid YAML")),
        ("a: !!python/object/apply:os.system [ls]\n", ("line 1, column 4", "not valid YAML")),
        ("[" * 5000, ("mine.yaml", "not valid YAML")),
    ],
    ids=["syntax", "twice", "list", "empty", "bool", "date", "map", "code", "depth"],
)
def test_a_file_that_is_no_space_is_refused(run: Run, text: str, fragments: tuple[str]) -> None:
    refuse(run("search", "--space", write(text)), *fragments)


def test_a_file_that_is_not_text_is_refused(run: Run) -> None:
    Path("mine.yaml").write_bytes(b"title: caf\xe9\n")
    refuse(run("search", "--space", "mine.yaml"), "mine.yaml: cannot be read as UTF-8 text")
    Path("mine.yaml").write_bytes(b"#" * 1_000_001)
    refuse(run("search", "--space", "mine.yaml"), "larger than 1000000 bytes: not a search space")


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
    wanted = ("bad.npz has 1 problem", "labels float64 must be integers 0..K-1")
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
    assert time.monotonic() - started < 30


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
    assert time.monotonic() - started < 20


def test_the_other_commands_refuse_alike(run: Run) -> None:
    refuse(run("resume", "none"), "none holds no search: nothing is recorded in none/record.db")
    refuse(run("report", "none"), "none holds no search: nothing is recorded in none/record.db")
    refuse(run("spaces", "show", "smok"), "--space smok", "did you mean 'smoke'?")
    refuse(
        run("train", "--set", "tau=0.5", "--set", "modle=mlp1"),
        "--set has 2 problems",
        "tau has no effect here: it applies only to method small_loss, co_teaching,",
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


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("1h30m", 5400), ("0.5h", 1800), (" 1s ", 1)]
)
def test_a_duration_is_hours_minutes_and_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", " ", "90", "1d", "-5s", "1m1h", "h", "1e3s", "nan", "0m"])
def test_anything_else_is_no_duration(text: str) -> None:
    with pytest.raises(UserError, match=r"--time-budget .*: must be"):
        parse_duration(text)


@pytest.mark.parametrize(
    "arguments",
    [
        ["-m", "tune_noise.search", "--space", "smok"],
        ["-m", "tune_noise.search", "--space", "smoke", "--set", "noise_rate=45"],
        ["-m", "tune_noise.train", "--set", "lr=0"],
        ["-m", "tune_noise.report", "."],
        ["-m", "tune_noise.spaces", "check", "none.yaml"],
    ],
    ids=lambda arguments: " ".join(arguments[1:]),
)
def test_the_modules_behave_as_the_console_script_does(
    arguments: list[str], tmp_path: Path
) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []
