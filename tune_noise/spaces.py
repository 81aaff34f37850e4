"""`python -m tune_noise.spaces`: list the shipped spaces, show one, check some of your own."""

import textwrap
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from tune_noise.command_line.completion import complete_space
from tune_noise.command_line.examples import epilog
from tune_noise.command_line.run import Json, print_json, run_app
from tune_noise.config.loader import build_search, find_space, read_space, shipped_spaces
from tune_noise.config.search import SearchConfig
from tune_noise.errors import ConfigError, UserError

app = typer.Typer(no_args_is_help=False, pretty_exceptions_enable=False, epilog=epilog("spaces"))
_INDENT = "    "


@app.callback(invoke_without_command=True)
def spaces(context: typer.Context, as_json: Json = False) -> None:
    """List the shipped search spaces; `show NAME` prints one, `check FILE ...` checks some."""
    if context.invoked_subcommand is not None:
        return
    found = {name: (path, read_search(path)) for name, path in shipped_spaces().items()}
    if as_json:
        print_json([_facts(path, search) for path, search in found.values()])
        return
    console = Console(markup=False, highlight=False)
    for name, (_, search) in found.items():
        console.print(Text(name, style="bold"))
        for line in (search.title, _in_words(search)):
            shown = textwrap.wrap(line, width=max(40, console.width - len(_INDENT)))
            console.print("\n".join(f"{_INDENT}{part}" for part in shown), soft_wrap=True)


@app.command(epilog=epilog("spaces show"))
def show(
    space: Annotated[
        str,
        typer.Argument(help="A shipped space or a YAML file.", autocompletion=complete_space),
    ],
    as_json: Json = False,
) -> None:
    """Print a space as it stands in its file; as JSON, with all defaults filled in."""
    path = find_space(space)
    if as_json:
        search = read_search(path)
        content = search.model_dump(mode="json", by_alias=True, exclude_none=True)
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
    """Check spaces: exit code 0, or 2 with all problems of all of them."""
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


def read_search(path: Path) -> SearchConfig:
    """The search that a space file describes.

    Raises:
        UserError: it cannot be read, or has problems.
    """
    return build_search({"name": path.stem, **read_space(path)}, source=str(path))


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
