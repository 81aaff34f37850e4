"""A space file may hold any bytes: it is a search or one clear error, soon and in little memory."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.waiting import PATIENCE_SECONDS
from tune_noise.config.loader import MAX_PROBLEMS, read_search, read_space, with_assignments
from tune_noise.config.search import MAX_GROUPS
from tune_noise.config.space_yaml import MAX_DEPTH, MAX_VALUES, parse_yaml
from tune_noise.errors import ConfigError, UserError

RIGHT = "trials: 3\nsearch: {lr: {loguniform: [0.001, 0.1]}}\n"


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("spaces") / "mine.yaml"


def refusal(path: Path, content: str | bytes) -> str:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(UserError) as caught:
        read_search(str(path))
    return str(caught.value)


# Bytes.

BYTES = st.one_of(
    st.binary(max_size=200),
    st.builds(
        lambda text, start, extra, encoding: (text[:start] + extra + text[start:]).encode(encoding),
        st.just(RIGHT),
        st.integers(0, len(RIGHT)),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=10),
        st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-7"]),
    ),
)


@given(BYTES)
@example(b"\xef\xbb\xbf")
@example(b"\0")
@example(b"a: \xff")
@example(b"\xed\xa0\x80: 1")
def test_any_bytes_are_a_search_or_an_error_for_the_user(space: Path, content: bytes) -> None:
    space.write_bytes(content)
    try:
        search = read_search(str(space))
    except UserError as error:
        message = str(error)
    else:
        message = search.title
    assert len(message) < 20_000


def test_a_byte_order_mark_does_no_harm(space: Path) -> None:
    space.write_bytes(RIGHT.encode("utf-8-sig"))
    assert read_search(str(space)).trials == 3


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "latin-1"])
def test_text_in_another_encoding_is_named(space: Path, encoding: str) -> None:
    content = f"title: café\n{RIGHT}".encode(encoding)
    assert f"{space}: cannot be read as UTF-8 text" in refusal(space, content)


# Files that cost more than they look. They run in a process that may take little of the machine.

LIMITED = """
import json, resource, sys
from tune_noise.errors import UserError
from tune_noise.config.loader import read_search
pages = int(open("/proc/self/statm").read().split()[0])
limit = pages * resource.getpagesize() + 200_000_000
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
outcomes = {}
for path in sys.argv[1:]:
    try:
        read_search(path)
        outcomes[path] = "a search"
    except UserError as error:
        outcomes[path] = str(error)
print(json.dumps(outcomes))
"""


def laughs(levels: int, start: str, repeat: str) -> str:
    lines = [f"a0: &a0 {start}"]
    for level in range(1, levels):
        aliases = ",".join([f"*a{level - 1}"] * 9)
        lines.append(f"a{level}: &a{level} " + repeat.replace("ALIASES", aliases))
    return "\n".join([*lines, f"title: *a{levels - 1}"])


BOMBS = {
    "list_laughs": (laughs(12, "[lol]", "[ALIASES]"), f"more than {MAX_VALUES} values"),
    "merge_laughs": (laughs(12, "{k: 1}", "{<<: [ALIASES], k: 1}"), f"more than {MAX_VALUES}"),
    "key_laughs": (laughs(12, "[lol]", "{? [ALIASES] : 1}"), f"more than {MAX_VALUES}"),
    "self": ("a: &a [*a]", "a value contains itself"),
    "self_key": ("&a {*a : 1}", "a value contains itself"),
    "flow_depth": ("a: " + "[" * 100_000, f"more than {MAX_DEPTH} deep"),
    "block_depth": ("- " * 100_000, f"more than {MAX_DEPTH} deep"),
    "key_depth": ("? " * 100_000, f"more than {MAX_DEPTH} deep"),
    "long_list": ("trials: [" + "1," * 400_000 + "]", f"more than {MAX_VALUES} values"),
    "long_choice": (
        f"search: {{lr: {{choice: [{','.join(f'1e-{n}' for n in range(1, 9000))}]}}}}",
        "should have at most 100 items",
    ),
    "many_keys": ("\n".join(f"k{n}: 1" for n in range(4900)), f"{4901 - MAX_PROBLEMS} more"),
    "long_key": ("? " + "k" * 400_000 + "\n: 1", "a key of more than 100 letters"),
    "long_number": ("trials: 0x" + "f" * 900_000, "a number of more than 60 digits"),
    "sexagesimal": ("trials: 1" + ":1" * 400_000, "a number of more than 60 digits"),
    "sexagesimal_float": ("trials: 1" + ":1" * 1000 + ".5", "a number of more than 60 digits"),
    "long_title": (f"title: {'x' * 900_000}", "at most 500 characters"),
    "long_word": (f"noise: {'x' * 900_000}", "is not one of"),
    "conditions": (
        "\n".join(
            ["conditions:"]
            + [f"  {name}: {[n / 2000 for n in range(1, 999)]}" for name in
               ("noise_rate", "val_fraction", "lr")]
        ),
        f"994011992 combinations, and a search may have {MAX_GROUPS}",
    ),
    "grid": (
        "sampler: grid\ntrials: 1000000\n"
        "search: {batch_size: {int: [4, 65536]}, patience: {int: [1, 99999]}}",
        "a grid of 6553234467 points in each of 1 conditions",
    ),
    "huge": ("a: b\n" * 300_000, "larger than 1000000 bytes"),
}  # fmt: skip


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    if not Path("/proc/self/statm").exists():
        pytest.skip("needs Linux, where a process can be told how little memory it may take")
    folder = tmp_path_factory.mktemp("bombs")
    for name, (text, _) in BOMBS.items():
        (folder / f"{name}.yaml").write_text(text)
    command = [sys.executable, "-c", LIMITED, *map(str, sorted(folder.iterdir()))]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=PATIENCE_SECONDS
    )
    return {Path(path).stem: text for path, text in json.loads(done.stdout).items()}


@pytest.mark.parametrize("name", BOMBS)
def test_a_file_that_costs_more_than_it_looks_is_refused(
    outcomes: dict[str, str], name: str
) -> None:
    found = outcomes[name]
    assert BOMBS[name][1] in found
    assert len(found) < 20_000


def test_aliases_and_merged_keys_of_a_sane_size_are_read() -> None:
    text = "base: &b {lr: 1, tau: 2}\nuse: {<<: *b, tau: 3}\nagain: *b"
    found = parse_yaml(text, source="here")
    assert found["use"] == {"lr": 1, "tau": 3}
    assert found["again"] == {"lr": 1, "tau": 2}


# What YAML could say and a space cannot.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("conditions: {noise_rate: !!set {5: }}", "!!set is not for a space"),
        ("title: !!binary aGk=", "!!binary is not for a space"),
        ("fixed: !!omap [lr: 1]", "!!omap is not for a space"),
        ("a: !!timestamp 2020-01-01", "!!timestamp is not for a space"),
        ("a: !!python/object/apply:os.system [ls]", "!!python/object/apply:os.system is not"),
        ("a: !own 1", "!own is not for a space"),
        ("? {a: 1}\n: 2", "a key must be a word"),
        ('title: "\\ud800"', "the control character U+D800"),
        ('title: "\\e[2J"', "the control character U+001B"),
        ('"a\\rb": 1', "the control character U+000D"),
    ],
)
def test_what_a_space_cannot_hold_is_named(space: Path, text: str, expected: str) -> None:
    message = refusal(space, text)
    assert message.startswith(f"{space}, line 1, column ")
    assert expected in message


def test_a_date_is_text() -> None:
    assert parse_yaml("[2020-01-01, 2020-13-45, =]", source="-") == [
        "2020-01-01",
        "2020-13-45",
        "=",
    ]


def test_a_pipe_a_device_or_a_folder_is_no_space(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    for path in (tmp_path / "pipe.yaml", Path("/dev/zero"), tmp_path, tmp_path / "no.yaml"):
        with pytest.raises(UserError, match="is not a file"):
            read_space(path)
        with pytest.raises(UserError, match="there is no such"):
            read_search(str(path))


def test_a_place_is_one_short_line() -> None:
    with pytest.raises(ConfigError) as caught:
        with_assignments({}, {"a\nb": 1, "k" * 10_000: 1, "\x1b[2J": 1, "": 1})
    places = [problem.place for problem in caught.value.problems]
    assert all(place.isprintable() and 0 < len(place) <= 60 for place in places)
