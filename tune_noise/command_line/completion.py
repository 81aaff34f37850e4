"""What a shell offers after TAB: spaces, data sets, folders of searches, fields and values."""

import sys
import types
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer

# Typer's own: tells the program which shell asks, and what has been typed.
_SHELL = "_TUNE_NOISE_COMPLETE"
_BASH = "complete_bash"
_SECTIONS = ("data", "early_stopping", "confirm", "suspects", "resources")


def join_words(environment: MutableMapping[str, str]) -> None:
    r"""Give bash's words their `=` back: it takes `lr=0.1` for three, the other shells for one.

    Args:
        environment: of the process; changed where bash asks.

    Example:
        >>> asked = {_SHELL: _BASH, "COMP_WORDS": "train\n--set\nlr\n=\n0", "COMP_CWORD": "4"}
        >>> join_words(asked)
        >>> asked["COMP_WORDS"].split(), asked["COMP_CWORD"]
        (['train', '--set', 'lr=0'], '2')
    """
    if environment.get(_SHELL) != _BASH:
        return
    joined: list[str] = []
    current = int(environment["COMP_CWORD"])
    place = 0
    is_open = False
    for number, word in enumerate(environment["COMP_WORDS"].split("\n")):
        if joined and (word == "=" or is_open):
            joined[-1] += word
        else:
            joined.append(word)
        is_open = word == "="
        if number == current:
            place = len(joined) - 1
    environment["COMP_WORDS"], environment["COMP_CWORD"] = "\n".join(joined), str(place)


@contextmanager
def answer_in_pieces(environment: Mapping[str, str]) -> Iterator[None]:
    """Tell bash what may stand after the last `=` of a word: that is all it will replace.

    Args:
        environment: as `join_words` has left it.
    """
    if environment.get(_SHELL) != _BASH:
        yield
        return
    word = environment["COMP_WORDS"].split("\n")[int(environment["COMP_CWORD"])]
    typed = word[: word.rfind("=") + 1]
    answer = StringIO()
    try:
        with redirect_stdout(answer):
            yield
    finally:
        for line in answer.getvalue().splitlines():
            sys.stdout.write(f"{line.removeprefix(typed)}\n")


def complete_space(incomplete: str) -> list[str]:
    """Return the shipped spaces that begin so, or YAML files where none does."""
    from tune_noise.config.loader import shipped_spaces

    return _beginning(incomplete, shipped_spaces()) or _files(incomplete, (".yaml", ".yml"))


def complete_dataset(incomplete: str) -> list[str]:
    """Return the known data sets and .npz files that begin so."""
    from tune_noise.data import DATASET_NAMES

    return [*_beginning(incomplete, DATASET_NAMES), *_files(incomplete, (".npz",))]


def complete_source(incomplete: str) -> list[str]:
    """Return the files that may hold one's own data, and folders, that begin so."""
    return _files(incomplete, ("", ".csv", ".tsv", ".parquet", ".jsonl", ".npz", ".npy"))


def complete_search(incomplete: str) -> list[str]:
    """Return the folders of searches in the folder typed so far, or in runs/.

    Nothing where there is none: the shell then completes paths as it always does.
    """
    from tune_noise.record.folder import search_folders

    typed = Path(incomplete)
    parents = [typed if incomplete.endswith("/") else typed.parent]
    parents += [Path("runs")] if "/" not in incomplete else []
    folders = {str(folder) for parent in parents for folder in search_folders(parent)}
    return _beginning(incomplete, sorted(folders))


def complete_assignment(context: typer.Context, incomplete: str) -> list[str]:
    """`field=` and its values; a space's own keys too, but for a command that trains one trial."""
    values_by_field = _fields(is_search=context.info_name != "train")
    field, equals, value = incomplete.partition("=")
    if not equals:
        names = _beginning(field, values_by_field)
        if len(names) > 1:
            return [f"{name}=" for name in names]
        # The only one: a shell adds a space after it, so it is offered with its values.
        return [text for name in names for text in _assigned(name, values_by_field[name])]
    offered = _beginning(value, values_by_field.get(field, []))
    return [f"{field}={option}" for option in offered]


def _assigned(name: str, values: list[str]) -> list[str]:
    return [f"{name}={value}" for value in values] or [f"{name}="]


def _fields(*, is_search: bool) -> dict[str, list[str]]:
    """Return field -> its values, or its default alone where they cannot be listed."""
    from tune_noise.config.search import SearchConfig
    from tune_noise.config.trial import trial_class

    values_by_field = dict(_values_of(trial_class()))
    if is_search:
        values_by_field |= dict(_values_of(SearchConfig))
        for section in _SECTIONS:
            node: Any = _plain(SearchConfig.model_fields[section].annotation)
            values_by_field |= {f"{section}.{name}": values for name, values in _values_of(node)}
            del values_by_field[section]
    return values_by_field | _named()


def _named() -> dict[str, list[str]]:
    """Return the values of fields that are names."""
    from tune_noise.config.declared import SHIPPED, names
    from tune_noise.config.metric_names import METRICS
    from tune_noise.config.reference_models import REFERENCES
    from tune_noise.data import DATASET_NAMES

    objectives = [name for name, metric in METRICS.items() if metric.searchable]
    return {
        "dataset": list(DATASET_NAMES),
        **{field: names(field) for field in SHIPPED},
        "objective": objectives,
        "references": ["[]", *(f"[{name}]" for name in REFERENCES)],
    }


def _values_of(node: Any) -> Iterator[tuple[str, list[str]]]:
    from tune_noise.config.conditional import field_default

    for name, field in node.model_fields.items():
        kind = _plain(field.annotation)
        if get_origin(kind) is Literal:
            yield name, [str(value) for value in get_args(kind)]
        elif kind is bool:
            yield name, ["true", "false"]
        else:
            default = field_default(field)
            yield name, [str(default)] if isinstance(default, int | float) else []


def _plain(annotation: Any) -> Any:
    """Return a field's type without its `Annotated` and `| None`."""
    if get_origin(annotation) is Annotated:
        return _plain(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        [kind] = [member for member in get_args(annotation) if member is not type(None)][:1]
        return _plain(kind)
    return annotation


def _beginning(incomplete: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]


def _files(incomplete: str, endings: tuple[str, ...]) -> list[str]:
    typed = Path(incomplete)
    parent = typed if incomplete.endswith("/") else typed.parent
    try:
        paths = [str(path) for path in sorted(parent.iterdir()) if path.suffix in endings]
    except OSError:
        return []
    return _beginning(incomplete, paths)
