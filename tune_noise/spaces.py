"""`python -m tune_noise.spaces`: list the shipped spaces, show a space, check spaces."""

import textwrap
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from tune_noise.command_line.completion import complete_space
from tune_noise.command_line.examples import epilog
from tune_noise.command_line.options import Json
from tune_noise.command_line.run import print_json, run_app
from tune_noise.config.loader import find_space, read_search, read_space, shipped_spaces
from tune_noise.config.search import SearchConfig
from tune_noise.errors import ConfigError, UserError

app = typer.Typer(no_args_is_help=False, pretty_exceptions_enable=False, epilog=epilog("spaces"))
_INDENT = "    "


@app.callback(invoke_without_command=True)
def spaces(context: typer.Context, as_json: Json = False) -> None:
    """List the shipped search spaces. `show NAME` prints one; `check FILE ...` checks files."""
    if context.invoked_subcommand is not None:
        return
    shipped = {name: (path, read_search(path)) for name, path in shipped_spaces().items()}
    if as_json:
        print_json([_facts(path, search) for path, search in shipped.values()])
        return
    console = Console(markup=False, highlight=False)
    for name, (_, search) in shipped.items():
        console.print(Text(name, style="bold"))
        for line in (search.title, _in_words(search)):
            parts = textwrap.wrap(line, width=max(40, console.width - len(_INDENT)))
            console.print("\n".join(f"{_INDENT}{part}" for part in parts), soft_wrap=True)


@app.command(epilog=epilog("spaces show"))
def show(
    space: Annotated[
        str,
        typer.Argument(help="A shipped space or a YAML file.", autocompletion=complete_space),
    ],
    as_json: Json = False,
) -> None:
    """Print the file of a space. With --json, print the space with all its defaults."""
    path = find_space(space)
    if as_json:
        search = read_search(path)
        content = search.to_plain()
        print_json({"file": str(path), **content})
        return
    read_space(path)
    Console(soft_wrap=True).print(path.read_text(encoding="utf-8"), markup=False, highlight=False)


@app.command(epilog=epilog("spaces check"))
def check(
    spaces: Annotated[
        list[str],
        typer.Argument(
            metavar="SPACE...",
            help="Shipped spaces or YAML files.",
            autocompletion=complete_space,
        ),
    ],
    as_json: Json = False,
) -> None:
    """Check spaces and print all their problems. The exit code is 0, or 2 if there are problems."""
    console = Console(markup=False, highlight=False, soft_wrap=True)
    errors: dict[str, UserError] = {}
    findings = []
    for space in spaces:
        finding: dict[str, Any] = {"space": space, "ok": True, "problems": []}
        try:
            path = find_space(space)
            search = read_search(path)
        except UserError as error:
            errors[space] = error
            finding |= {"ok": False, "problems": _problems(error)}
        else:
            finding |= _facts(path, search)
            if not as_json:
                count = len(search.all_conditions)
                console.print(f"{path}: {count} conditions, {search.trials} trials each: ok")
        findings.append(finding)
    if as_json:
        print_json(findings)
    if errors:
        raise UserError("\n".join(map(str, errors.values())))


def _facts(path: Path, search: SearchConfig) -> dict[str, Any]:
    return {
        "name": search.name,
        "file": str(path),
        "title": search.title,
        "dataset": search.dataset,
        "noise": search.noise,
        "conditions": search.conditions,
        "trials": search.trials,
        "epochs": search.epochs,
        "objective": search.objective,
        "compare": search.compare,
    }


def _problems(error: UserError) -> list[dict[str, str]]:
    if isinstance(error, ConfigError):
        return [vars(problem) for problem in error.problems]
    return [{"place": "", "message": str(error)}]


def _in_words(search: SearchConfig) -> str:
    levels = [f"{field} {values}" for field, values in search.conditions.items()]
    conditions = f": {', '.join(levels)}" if levels else ""
    return f"{search.dataset}, {search.noise} noise{conditions}; {search.trials} trials each"


if __name__ == "__main__":
    run_app(app, prog_name="python -m tune_noise.spaces")
