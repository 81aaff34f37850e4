"""Wrong spaces, through the real commands: exit code 2, one message, nothing left behind."""

from pathlib import Path
from typing import Any

import pytest

from .console import SPACE, Run, refuse, space, write


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
            "co_teaching, small_loss, jocor, co_teaching_plus or aum_prune",
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
