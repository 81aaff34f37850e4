"""Whatever a space says, the answer is a search or an error that speaks to the user."""

from copy import deepcopy
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tune_noise.config.domains import KINDS
from tune_noise.config.loader import (
    build_search,
    build_trial,
    parse_assignments,
    with_assignments,
)
from tune_noise.config.search import SearchConfig
from tune_noise.config.space_yaml import parse_yaml
from tune_noise.config.trial import trial_fields
from tune_noise.errors import ConfigError, UserError

WORDS = st.sampled_from(
    ["standard", "co_teaching", "sgd", "mlp1", "dilution", "given", "val_loss_noisy", "é", ""]
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 100),
    st.integers(),
    st.sampled_from([10**400, -(10**400), 0.45, 45, 1e-3]),
    st.floats(),
    WORDS,
    st.text(max_size=5),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SCALARS, inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.sampled_from([*trial_fields(), "nonsense"])
KEYS = FIELDS | SCALARS
DOMAINS = st.one_of(
    VALUES,
    st.fixed_dictionaries(
        {},
        optional={kind: VALUES | st.tuples(SCALARS, SCALARS).map(list) for kind in KINDS}
        | {"when": VALUES | st.dictionaries(KEYS, SCALARS, max_size=2), "points": SCALARS},
    ),
    st.fixed_dictionaries({"choice": st.lists(SCALARS, min_size=1, max_size=3)}),
)
SPACES = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(SearchConfig.model_fields, VALUES),
        "name": st.just("mine") | VALUES,
        "conditions": st.dictionaries(KEYS, st.lists(SCALARS, max_size=3) | VALUES, max_size=2),
        "search": st.dictionaries(KEYS, DOMAINS, max_size=3) | VALUES,
        "fixed": st.dictionaries(KEYS, VALUES, max_size=3) | VALUES,
        "compare": FIELDS | VALUES,
        "sampler": st.sampled_from(["grid", "random"]) | VALUES,
        "early_stopping": st.dictionaries(
            st.sampled_from(["grace_epochs", "reduction_factor"]), SCALARS
        )
        | VALUES,
        "nonsense": VALUES,
    },
)


RIGHT: dict[str, Any] = {
    "name": "mine",
    "conditions": {"noise_rate": [0.2, 0.45], "val_fraction": [0.1]},
    "search": {
        "method": {"choice": ["standard", "co_teaching"]},
        "lr": {"loguniform": [0.001, 0.1], "points": 2},
        "tau": {"uniform": [0.1, 0.5], "points": 3, "when": {"method": "co_teaching"}},
        "patience": {"choice": [None, 20]},
        "batch_size": {"int": [16, 20], "points": 2, "when": {"lr_schedule": "constant"}},
    },
    "fixed": {"ramp_epochs": 5, "optimizer": "sgd", "momentum": 0.5},
    "compare": "method",
    "sampler": "grid",
    "trials": 99,
    "epochs": 25,
    "early_stopping": {"grace_epochs": 5, "reduction_factor": 2},
    "confirm": {"finalists": 3, "seeds": 2, "max_seeds": 6},
    "resources": {"cpus_per_trial": 0.5},
}


def paths(raw: dict[str, Any], prefix: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Every key of a nested mapping, by its path."""
    found = []
    for key, value in raw.items():
        found.append((*prefix, key))
        found += paths(value, (*prefix, key)) if isinstance(value, dict) else []
    return found


SANE = st.sampled_from(
    [0.1, 0.3, 1, 2, 3, 30, "sgd", None, [], [0.1, 0.2], {"choice": [0.2, 0.4]}, {"int": [4, 5]}]
)
MUTATIONS = st.lists(st.tuples(st.sampled_from(paths(RIGHT)), SANE | VALUES | DOMAINS), max_size=2)


def mutated(mutations: list[tuple[tuple[str, ...], Any]]) -> dict[str, Any]:
    raw = deepcopy(RIGHT)
    for (*parents, key), value in mutations:
        node: Any = raw
        for parent in parents:
            node = node[parent] if isinstance(node, dict) and parent in node else {}
        if isinstance(node, dict):
            node[key] = value
    return raw


def check_that_it_speaks(error: UserError) -> None:
    assert error.exit_code == 2
    if isinstance(error, ConfigError):
        assert error.problems
        assert all(problem.place and problem.message for problem in error.problems)


def check_space(raw: dict[str, Any]) -> None:
    try:
        search = build_search(raw, source="mine.yaml")
    except ConfigError as error:
        check_that_it_speaks(error)
    else:
        assert build_search(search.to_plain(), source="again") == search
        for condition in search.all_conditions:
            search.trial_config(condition, {})


@settings(max_examples=400, deadline=None)
@given(SPACES)
@example({"name": "mine", "sampler": "grid", "search": {"ramp_epochs": {"int": [1, 10**12]}}})
@example({"name": "mine", "search": {"lr": {"int": [-(10**400), 10**400]}}})
@example({"name": "mine", "conditions": {"alpha": [[1], {}, 10**400]}})
@example({"name": "mine", "search": {"tau": {"choice": [0.5], "when": {1: [], "lr": {}}}}})
def test_a_space_is_a_search_or_a_list_of_problems(raw: dict[str, Any]) -> None:
    check_space(raw)


@settings(max_examples=400, deadline=None)
@given(MUTATIONS)
@example([])
def test_a_right_space_with_anything_put_in_is_a_search_or_a_list_of_problems(
    mutations: list[tuple[tuple[str, ...], Any]],
) -> None:
    check_space(mutated(mutations))


def test_the_space_that_is_mutated_is_right() -> None:
    assert build_search(RIGHT, source="mine.yaml").num_finalists == 3


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(FIELDS, VALUES, max_size=5))
def test_a_trial_is_a_trial_or_a_list_of_problems(values: dict[str, Any]) -> None:
    try:
        trial = build_trial(values, source="--set")
    except ConfigError as error:
        check_that_it_speaks(error)
    else:
        assert build_trial(trial.model_dump(mode="json"), source="again") == trial


@settings(max_examples=300, deadline=None)
@given(SPACES, st.dictionaries(KEYS.map(str) | st.just("confirm.seeds"), VALUES, max_size=3))
def test_overrides_of_any_space_give_a_space_or_a_list_of_problems(
    raw: dict[str, Any], assignments: dict[str, Any]
) -> None:
    try:
        build_search(with_assignments(raw, assignments), source="mine.yaml")
    except ConfigError as error:
        check_that_it_speaks(error)


YAML_TEXT = st.text(alphabet="ab1.-:,[]{}#&*!?|>'\"%@`~ \n\teé\x07", max_size=40)


@settings(max_examples=400, deadline=None)
@given(YAML_TEXT | st.text(max_size=40))
@example("!!float ''")
@example("!!int ''")
@example("!!timestamp x")
@example("!!map [a, b]")
@example("? [a]\n: 1\n? [a]\n: 2")
@example("1" * 5000)
@example("a: &a [*a]")
@example("{<<: {a: 1}, <<: {b: 1}}")
@example("0x" + "f" * 5000)
@example("1" + ":1" * 1000 + ".5")
@example("conditions: {noise_rate: !!set {5: }}")
@example('{title: "\\ud800", name: mine}')
@example("{title: !!binary gIGC, name: mine}")
@example("a: &a {<<: *a}")
@example("=: 1")
def test_any_text_is_a_value_or_an_error_for_the_user(text: str) -> None:
    try:
        value = parse_yaml(text, source="mine.yaml")
    except UserError as error:
        check_that_it_speaks(error)
    else:
        if isinstance(value, dict):
            check_space(value)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(max_size=12), max_size=3))
def test_any_assignment_is_read_or_refused(assignments: list[str]) -> None:
    try:
        values = parse_assignments(assignments)
    except ConfigError as error:
        check_that_it_speaks(error)
    else:
        assert all(isinstance(key, str) for key in values)
