"""A space: the bytes of the file, then those of `--set` assignments, each after SET."""

import re

import numpy as np

from fuzz_targets.target import SCRATCH, Target, check_message
from tune_noise.config.loader import (
    build_search,
    parse_assignments,
    read_search,
    shipped_spaces,
)
from tune_noise.config.search import SearchConfig
from tune_noise.config.trial import trial_fields
from tune_noise.errors import UserError
from tune_noise.service.plan import make_plan
from tune_noise.tuning.session.sampler import GroupSampler

SET = b"\n\0"


def run_space(data: bytes) -> None:
    content, *assignments = data.split(SET)
    path = SCRATCH / "mine.yaml"
    path.write_bytes(content)
    texts = [text.decode("utf-8", "surrogateescape") for text in assignments]
    try:
        search = read_search(path, parse_assignments(texts))
    except UserError as error:
        check_message(error)
        return
    assert build_search(search.to_plain(), source="again") == search
    check_names(search)
    make_plan(search)
    for condition in search.all_conditions[:20]:
        search.trial_config(condition, {})
    propose(search)


# Trials or network-epochs, more than any space asks for.
ENOUGH = 1e9


def check_names(search: SearchConfig) -> None:
    names = [search.name, *(condition.name for condition in search.all_conditions)]
    assert len({name.lower() for name in names[1:]}) == len(names) - 1
    for name in names:
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._=,+-]*", name)
        assert len(name) <= 200


def propose(search: SearchConfig) -> None:
    """What the sampler proposes first is a trial that can be trained."""
    points = np.prod([float(domain.grid_size) for domain in search.search.values()])
    if search.sampler == "grid" and points > 1000:
        return
    condition = search.all_conditions[-1]
    for level in search.levels[:2]:
        values = GroupSampler(search, condition, level, ENOUGH).ask("t1")
        search.trial_config(condition, values, seed=1, noise_seed=1)


def space_seeds() -> list[bytes]:
    shipped = [path.read_bytes() for path in shipped_spaces().values()]
    short = [re.sub(rb"(?m)^#.*\n", b"", content) for content in shipped]
    return [
        *short,
        short[0] + SET + b"lr=1e-3" + SET + b"alpha=[0, 5]",
        b"a: &a [1]\nconditions: {noise_rate: [0.2, 0.45]}\ntrials: 1\nb: *a",
        b"search: {lr: {loguniform: [1e-4, 0.1], points: 3}}\nsampler: grid\ntrials: 9",
    ]


def space_words() -> tuple[bytes, ...]:
    fields = [*SearchConfig.model_fields, *trial_fields(), "choice", "uniform", "when"]
    marks = (
        "<<: *a",
        "&a ",
        "*a",
        "!!int ",
        "!!float ",
        "!!set ",
        "? ",
        "- ",
        "{",
        "[",
        "0x",
        "1e",
    )
    values = (
        "loguniform",
        "points",
        "int",
        ".nan",
        ".inf",
        "null",
        "co_teaching",
        "grid",
        "10_0:30",
    )
    return tuple(word.encode() for word in (*fields, *marks, *values))


SPACE = Target(run_space, space_seeds, words=space_words())
