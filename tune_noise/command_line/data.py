"""`tune-noise data`: what is understood of one's own data, what is wrong, and what comes next."""

import shlex
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from tune_noise.command_line.completion import complete_source
from tune_noise.command_line.options import Assignments, DataDir, Json, Label, SkipUnreadable
from tune_noise.command_line.run import divert_output, print_json
from tune_noise.config.data_source import DataSource
from tune_noise.config.loader import build_source, parse_assignments, read_search
from tune_noise.data.sources.raw import IN_WORDS

# People are shown so many classes, columns and gaps; --json has them all.
_SHOWN = 20
_ROLES = {"label": "labels", "true_label": "true labels", "id": "ids"}
_DUPLICATES = {
    "repeated_examples": "training examples that repeat an earlier input",
    "contradicted_inputs": "inputs whose copies have different labels",
    "left_out_of_training": "training examples that are in the given validation split, too",
    "test_examples_in_training": "test examples that are among the training examples",
}


def data(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="A file (.csv .tsv .parquet .jsonl .npz .npy) or a folder.",
            autocompletion=complete_source,
        ),
    ],
    label: Label = None,
    skip_unreadable: SkipUnreadable = None,
    assignments: Assignments = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Say how your own data are understood, what is wrong with them, and what to run next.

    Nothing is trained. --set data.FIELD=VALUE says what stands where.
    """
    # Imported here because it takes a second, and `--help` needs none of it.
    from tune_noise.data.description import describe

    options = parse_assignments(assignments or [])
    flags = {"data": source, "data.label": label, "data.skip_unreadable": skip_unreadable}
    given = {name: value for name, value in flags.items() if value is not None}
    block = build_source({**options, **given}, source=source)
    val_fraction = read_search("own", {**options, **given}).fixed["val_fraction"]
    with divert_output(as_json):
        facts = describe(block, val_fraction=val_fraction, cache_dir=data_dir)
    facts["next"] = _next(block, facts["columns"]["label"], assignments or [])
    if as_json:
        print_json(facts)
    else:
        _show(facts, Console(markup=False, highlight=False))


def _next(block: DataSource, label: str | None, assignments: Sequence[str]) -> str:
    """Return the command that searches these data, with what was found by itself."""
    words = ["tune-noise", "search", "--data", block.train]
    words += [] if label is None else ["--label", label]
    words += ["--skip-unreadable"] if block.skip_unreadable else []
    return shlex.join([*words, *(word for text in assignments for word in ("--set", text))])


def _show(facts: dict[str, Any], console: Console) -> None:
    table = Table(title=facts["name"], show_header=False, box=None, title_justify="left")
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in _rows(facts):
        table.add_row(name, text)
    console.print(table)
    console.print(f"next  {facts['next']}", soft_wrap=True)


def _rows(facts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield from _under("read as", facts["reading"])
    yield from _under("columns", _columns(facts["columns"]))
    yield "examples", _examples(facts)
    yield "labels", _labels(facts)
    yield from _under(f"{len(facts['classes']):,} classes", _classes(facts["classes"]))
    if facts["gaps"]:
        sizes = facts["examples"]
        total = sum(sizes[split] or 0 for split in ("train", "validation", "test"))
        gaps = [f"{name} {100 * count / total:.2g} %" for name, count in facts["gaps"].items()]
        yield "gaps", _cut(gaps)
    counts = facts["duplicates"]
    copies = [f"{text}: {counts[key]:,}" for key, text in _DUPLICATES.items() if counts[key]]
    yield from _under("duplicates", copies or ["none"])
    yield "inputs", _inputs(facts)
    if (cache := facts["inputs"]["cache"]) is not None and cache["bytes"]:
        size = f"{cache['bytes'] / 2**20:,.1f} MiB of all data sets that were encoded"
        yield "cache", f"{size}, in {cache['folder']}, which may be removed"
    yield from _under("warning", facts["warnings"])


def _under(name: str, texts: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield texts in lines of their own, of which the first has the name."""
    for number, text in enumerate(texts):
        yield "" if number else name, text


def _columns(columns: dict[str, Any]) -> list[str]:
    lines = [f"{role}: {name}" for key, role in _ROLES.items() if (name := columns[key])]
    return lines + ([f"inputs: {_cut(columns['inputs'])}"] if columns["inputs"] else [])


def _examples(facts: dict[str, Any]) -> str:
    sizes, held_out = facts["examples"], facts["held_out"]
    validation = f"of which a search holds {held_out:,} out for validation"
    if facts["folds"] is not None:
        validation = f"all of which validate, held out in {facts['folds']} folds"
    if sizes["validation"] is not None:
        validation = f"{sizes['validation']:,} for validation, as given"
    test = "no test set" if sizes["test"] is None else f"{sizes['test']:,} to test"
    return f"{sizes['train']:,} to train, {validation}; {test}"


def _labels(facts: dict[str, Any]) -> str:
    unlabelled, wrong = facts["examples"]["unlabelled"], facts["wrong_labels"]
    words = [
        f"missing of {unlabelled:,} examples, which are predicted in the end"
        if unlabelled
        else "none is missing"
    ]
    if facts["annotators"] is not None:
        words.append(f"the majority of {facts['annotators']:,} annotators")
    if wrong is not None:
        share = 100 * wrong / facts["examples"]["train"]
        words.append(f"{wrong:,} differ from the true label ({share:.1f} %)")
    return "; ".join(words)


def _classes(classes: list[dict[str, Any]]) -> list[str]:
    """Return a line for each class; of many classes the most frequent and the rarest."""
    total = sum(one["train"] for one in classes)
    shown, hidden = classes, len(classes) - _SHOWN
    if hidden > 0:
        by_count = sorted(classes, key=lambda one: -one["train"])
        shown = by_count[: _SHOWN // 2] + by_count[-_SHOWN // 2 :]
    width = max(len(one["name"]) for one in shown)
    lines = [
        f"{one['name']:<{width}}  {one['train']:>9,} {100 * one['train'] / total:5.1f} %"
        + "".join(f", {one[split]:,} {split}" for split in ("validation", "test") if split in one)
        for one in shown
    ]
    if hidden > 0:
        lines.insert(_SHOWN // 2, f"... {hidden:,} more, and the rarest:")
    return lines


def _inputs(facts: dict[str, Any]) -> str:
    inputs = facts["inputs"]
    shape = " x ".join(map(str, inputs["shape"]))
    size = f"{inputs['kind']} of {shape}, {inputs['bytes'] / 2**20:,.1f} MiB in memory"
    if inputs["encoder"] is None:
        return size
    seconds = inputs["encoding_seconds"]
    time = f"takes about {_duration(seconds)}, once" if seconds else "is done already"
    return f"{IN_WORDS[facts['raw_kind']]}, which become {size}; encoding {time}"


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def _cut(words: Sequence[str]) -> str:
    hidden = len(words) - _SHOWN
    return ", ".join(words[:_SHOWN]) + (f" and {hidden:,} more" if hidden > 0 else "")
