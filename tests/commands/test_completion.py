"""What TAB offers, in real shells."""

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.waiting import wait_for
from tune_noise.command_line.completion import (
    complete_assignment,
    complete_dataset,
    complete_search,
    complete_space,
    join_words,
)
from tune_noise.config.trial import trial_fields
from tune_noise.record import Record

PROGRAMS = Path(sys.executable).parent
# What is typed before TAB -> what may then stand there.
CASES = {
    "tune-noise sal": ["salvage"],
    "tune-noise search --space mnist_": ["mnist_pair_flip", "mnist_symmetric"],
    "tune-noise search --space=mine": ["mine.yaml"],
    "tune-noise report runs/uniform unusual/": ["unusual/first", "unusual/second"],
    "tune-noise train --set elr_": ["elr_lambda=", "elr_beta="],
    "tune-noise search --space smoke --set lr=0.1 --set noise=pair": ["pair_flip"],
}


def environment() -> dict[str, str]:
    found = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}
    path = f"{PROGRAMS}{os.pathsep}{found['PATH']}"
    return found | {"PATH": path, "TERM": "dumb", "PS1": "> ", "PROMPT": "> "}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With searches, a space and data of one's own."""
    for name in ("runs/uniform", "unusual/first", "unusual/second"):
        (tmp_path / name).mkdir(parents=True)
        Record(tmp_path / name / "record.db", writer=True).close()
    (tmp_path / "runs" / "mlartifacts").mkdir()
    (tmp_path / "mine.yaml").touch()
    (tmp_path / "own.npz").touch()
    return tmp_path


def shell_program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


class Terminal:
    """A shell that believes that a person types."""

    def __init__(self, command: list[str], folder: Path) -> None:
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execve(command[0], command, environment())
        self.shown = ""

    def type(self, keys: str, *, until: str) -> str:
        """What is shown from now on, until a pattern of it is."""
        self.shown = ""
        os.write(self._terminal, keys.encode())
        wait_for(lambda: re.search(until, self._read()), repr(until), shown=lambda: self.shown)
        return self.shown

    def _read(self) -> str:
        if select.select([self._terminal], [], [], 0.2)[0]:
            self.shown += os.read(self._terminal, 65536).decode(errors="replace")
        return self.shown

    def close(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._terminal)


@pytest.mark.parametrize("name", ["bash", "zsh"])
def test_a_person_who_presses_tab_gets_what_may_stand_there(name: str, folder: Path) -> None:
    options = {"bash": ["--norc", "--noprofile", "-i"], "zsh": ["-f", "-i"]}[name]
    begin = {"bash": "", "zsh": "autoload -U compinit; compinit -u -D; "}[name]
    terminal = Terminal([shell_program(name), *options], folder)
    try:
        terminal.type(
            f"{begin}tune-noise --show-completion > script; . ./script; echo be''gun\n",
            until="begun",
        )
        for typed, expected in (
            ("tune-noise search --space smo", "ke"),
            ("tune-noise train --set method=dec", "oupling"),
            ("tune-noise status runs/un", "iform"),
        ):
            terminal.type(typed, until=re.escape(typed[-3:]))
            terminal.type("\t", until=expected)
            terminal.type("\x15", until="")
    finally:
        terminal.close()


ASK_BASH = """
. <(tune-noise --show-completion bash)
while read -r typed; do
    # As bash does: words are split at =, and only the last piece is replaced.
    read -r -a COMP_WORDS <<< "$(sed 's/=/ = /g' <<< "$typed")"
    COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 ))
    _tune_noise_completion tune-noise
    echo "${COMPREPLY[@]}"
done
"""


def test_bash_is_told_what_may_stand_there(folder: Path) -> None:
    done = subprocess.run(
        [shell_program("bash"), "--norc", "-c", ASK_BASH],
        cwd=folder,
        env=environment() | {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"},
        input="\n".join(CASES) + "\n",
        capture_output=True,
        text=True,
        check=True,
    )
    assert [line.split() for line in done.stdout.splitlines()] == list(CASES.values())


def test_fish_is_told_the_same(folder: Path) -> None:
    program = shell_program("fish")
    typed = list(CASES)[-2:]
    asks = "\n".join(f"echo '?'; complete -C '{line}'" for line in typed)
    script = f"tune-noise --show-completion fish | source\n{asks}\n"
    done = subprocess.run(
        [program, "--no-config", "-c", script],
        cwd=folder,
        env=environment() | {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    for line, answer in zip(typed, done.stdout.split("?\n")[1:], strict=True):
        offered = [text.split("\t")[0] for text in answer.splitlines()]
        for expected in CASES[line]:
            assert any(text.endswith(expected) for text in offered), (line, offered)


class Context:
    """As much of the command line's as is looked at."""

    def __init__(self, command: str) -> None:
        self.info_name = command


@pytest.mark.parametrize(
    ("command", "typed", "offered"),
    [
        ("train", "lr_d", ["lr_decay_start=0.4"]),
        ("train", "method=dec", ["method=decoupling"]),
        ("train", "confirm.max", []),
        ("search", "confirm.max", ["confirm.max_seeds="]),
        ("search", "objective=val_l", ["objective=val_loss_noisy"]),
        ("search", "oracle=", ["oracle=true", "oracle=false"]),
        ("search", "dataset=mn", ["dataset=mnist"]),
        ("search", "no_such_field=", []),
    ],
)
def test_fields_are_offered_with_the_values_they_may_have(
    command: str, typed: str, offered: list[str]
) -> None:
    context: Any = Context(command)
    assert complete_assignment(context, typed) == offered


def test_every_field_of_a_trial_is_offered() -> None:
    context: Any = Context("search")
    offered = {text.rstrip("=") for text in complete_assignment(context, "")}
    assert offered >= set(trial_fields())


def test_data_sets_are_known_ones_and_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert complete_dataset("cifar") == ["cifar10", "cifar100"]
    assert complete_dataset("ow") == ["own.npz"]
    assert complete_search("runs/un") == ["runs/uniform"]
    assert complete_space("none/at/all") == []


WORDS = st.lists(st.text("ab-.", min_size=1, max_size=4), min_size=1, max_size=5)


@given(WORDS, st.integers(0, 4), st.integers(0, 4))
def test_words_that_bash_has_split_are_whole_again(words: list[str], at: int, cut: int) -> None:
    at %= len(words)
    whole = [*words]
    whole[at] = f"{words[at]}=x"
    pieces = [*words[:at], words[at], "=", "x", *words[at + 1 :]]
    current = len(pieces) - 1
    asked = {
        "_TUNE_NOISE_COMPLETE": "complete_bash",
        "COMP_WORDS": "\n".join(pieces),
        "COMP_CWORD": str(current),
    }
    join_words(asked)
    assert asked["COMP_WORDS"].split("\n") == whole
    assert asked["COMP_CWORD"] == str(len(whole) - 1)


def test_nothing_is_changed_where_no_bash_asks() -> None:
    asked = {"_TUNE_NOISE_COMPLETE": "complete_zsh", "COMP_WORDS": "a\n=\nb"}
    join_words(asked)
    assert asked["COMP_WORDS"] == "a\n=\nb"
