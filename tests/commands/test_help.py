"""What `--help` says: short, grouped, and with examples that are run here."""

import doctest
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_command

from tests.support.searches import finished_search
from tune_noise import cli
from tune_noise.command_line.examples import EXAMPLES, Example

from .console import Outcome, Run

ROOT = Path(__file__).parents[2]
CHEAP = [each for found in EXAMPLES.values() for each in found if not each.is_costly]
COSTLY = [each for found in EXAMPLES.values() for each in found if each.is_costly]
NORMAL = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def commands(group: Any = None, name: str = "") -> Iterator[tuple[str, Any]]:
    """Name -> command, those of groups too."""
    for word, command in (group or get_command(cli.app)).commands.items():
        full = f"{name} {word}".strip()
        yield full, command
        if hasattr(command, "commands"):
            yield from commands(command, full)


def parse(arguments: list[str], command: Any = None) -> None:
    """Parse a command line without running it; a mistake raises."""
    command = command or get_command(cli.app)
    context = command.make_context("tune-noise", list(arguments), resilient_parsing=False)
    rest = [*context._protected_args, *context.args] if hasattr(command, "commands") else []
    if rest:
        _, inner, left = command.resolve_command(context, rest)
        parse(left, inner)


@pytest.fixture
def searches(run: Run) -> Run:
    """`tune-noise` in a folder with two searches."""
    finished_search(Path("runs/smoke"), gain=0.0)
    finished_search(Path("runs/smoke-again"), gain=0.05)
    return run


@pytest.mark.parametrize("example", CHEAP, ids=lambda example: example.command)
def test_an_example_of_the_help_prints_what_it_says(example: Example, searches: Run) -> None:
    outcome: Outcome = searches(*shlex.split(example.command))
    assert outcome.code == 0, outcome.err
    checker = doctest.OutputChecker()
    wanted = f"{example.output}\n"
    assert checker.check_output(wanted, outcome.out, NORMAL), outcome.out


@pytest.mark.parametrize("example", COSTLY, ids=lambda example: example.command)
def test_an_example_that_trains_is_a_command_there_is(example: Example) -> None:
    parse(shlex.split(example.command))


def test_a_wrong_example_would_be_found() -> None:
    with pytest.raises(Exception, match=r"[Nn]o such option"):
        parse(["search", "--space", "smoke", "--trails", "3"])


@pytest.mark.parametrize("name", [name for name, _ in commands()])
def test_every_command_says_what_it_does_and_shows_an_example(name: str, run: Run) -> None:
    outcome = run(*name.split(), "--help")
    assert outcome.code == 0
    words = " ".join(re.sub(r"[│╭╮╰╯─]", " ", outcome.out).split())
    assert "Example" in words
    command = dict(commands())[name]
    first = (command.help or "").strip().split("\n")[0]
    assert first.endswith(".")
    for example in EXAMPLES.get(name, ()):
        assert f"$ tune-noise {example.command}" in words
    assert max(map(len, outcome.out.splitlines())) <= 100


def test_options_of_a_search_are_grouped(run: Run) -> None:
    shown = run("search", "--help").out
    for panel in ("What is searched", "The data", "Where and how it runs", "Files and tracking"):
        assert panel in shown


def documented() -> list[str]:
    """The commands that README and docs name, in code blocks; without comment or redirection."""
    found = []
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for block in re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
            lines = (re.split(" [#>]", line)[0].strip() for line in block.splitlines())
            found += [f"{page.name}: {line}" for line in lines if line.startswith("tune-noise ")]
    # Typer does at once what this one says.
    return [line for line in found if "--install-completion" not in line]


@pytest.mark.parametrize("line", documented())
def test_a_command_that_the_documentation_shows_is_one_there_is(line: str) -> None:
    parse(shlex.split(line.partition("tune-noise ")[2]))


def test_the_examples_are_those_of_commands_there_are() -> None:
    assert isinstance(cli.app, typer.Typer)
    assert set(EXAMPLES) <= {name for name, _ in commands()}
