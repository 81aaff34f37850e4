"""The examples of `docs/json.md`: what each command prints with `--json`.

`python -m tests.support.json_examples` runs the commands and writes the page;
`tests/commands/test_json_examples.py` fails where a command prints other keys than its example.
"""

import contextlib
import io
import json
import os
import shlex
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from tests.support.declared_tables import with_block
from tests.support.searches import finished_search
from tune_noise import cli
from tune_noise.command_line.run import run_app
from tune_noise.data import load_dataset
from tune_noise.search import outcome

PAGE = Path(__file__).parents[2] / "docs" / "json.md"

# In this order: `predict` uses the model that `train` saves.
COMMANDS = (
    "status runs/smoke",
    "status",
    "data mine.npz --data-dir cache",
    "search --space smoke --dry-run",
    "report runs/smoke",
    "report runs/smoke runs/more --output comparison.html",
    "train --set epochs=2 --output one",
    "predict test.npz --model one",
    "spaces",
    "spaces show smoke",
    "spaces check smoke wrong.yaml",
)
# It is made from the folder of a finished search, as the command does in the end.
OUTCOME = "search --space smoke"

# Mappings with a key for each field or metric; they are cut to the first keys.
_CUT = ("config", "metrics", "selected", "last", "task", "versions", "facts")
_KEYS = 3
_LETTERS = 72
_WIDTH = 96


def prepare() -> None:
    """Write what the commands need into the current folder."""
    finished_search(Path("runs/smoke"), gain=0.0)
    finished_search(Path("runs/more"), gain=0.05)
    digits = load_dataset("digits")
    assert digits.test_inputs is not None
    assert digits.test_labels is not None
    np.savez("test.npz", test_images=digits.test_inputs[:5], test_labels=digits.test_labels[:5])
    features = digits.train_inputs.reshape(len(digits.train_inputs), -1).astype(np.float32)
    np.savez("mine.npz", features=features, labels=digits.train_labels)
    Path("wrong.yaml").write_text(yaml.safe_dump({"trials": 0, "search": {"taw": {"choice": [1]}}}))


def outputs(call: Callable[..., str]) -> dict[str, Any]:
    """Return command -> what it prints, read as JSON.

    Args:
        call: runs `tune-noise ARGUMENTS` and returns its standard output.
    """
    values = {}
    for command in COMMANDS:
        values[command] = json.loads(call(*shlex.split(command), "--json"))
    values[OUTCOME] = outcome(Path("runs/smoke"))
    return values


def shorten(value: Any, key: str = "") -> Any:
    """Return a value with one item of each list and few keys of each long mapping.

    Args:
        value: of plain types.
        key: under which the value stands.
    """
    if isinstance(value, list):
        return [shorten(item) for item in value[:1]] + (["..."] if len(value) > 1 else [])
    if isinstance(value, str) and len(value) > _LETTERS:
        return f"{value[:_LETTERS]}..."
    if not isinstance(value, dict):
        return round(value, 4) if isinstance(value, float) else value
    keys = list(value)[: _KEYS if key in _CUT or "method" in value else None]
    short = {name: shorten(value[name], name) for name in keys}
    return short | ({"...": "..."} if len(keys) < len(value) else {})


def shape(value: Any) -> Any:
    """Return the keys of a value, whatever stands behind them."""
    if isinstance(value, list):
        return [shape(item) for item in value]
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    return None


def layout(value: Any, indent: int = 0, label: str = "") -> str:
    """Return JSON in which all that fits stands on one line."""
    start = " " * indent + label
    line = start + json.dumps(value)
    if len(line) < _WIDTH or not isinstance(value, list | dict):
        return line
    if isinstance(value, list):
        items, (left, right) = [layout(item, indent + 2) for item in value], "[]"
    else:
        items = [layout(item, indent + 2, f'"{name}": ') for name, item in value.items()]
        left, right = "{}"
    return f"{start}{left}\n" + ",\n".join(items) + f"\n{' ' * indent}{right}"


def _call(*arguments: str) -> str:
    sys.argv = ["tune-noise", *arguments]
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
        run_app(cli.app, prog_name="tune-noise")
    return out.getvalue()


def main() -> None:
    """Write the page."""
    page = PAGE.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        prepare()
        for command, value in outputs(_call).items():
            page = with_block(page, f"json {command}", f"```json\n{layout(shorten(value))}\n```")
    for path in (Path(folder).resolve(), PAGE.parents[1]):
        page = page.replace(f"{path}/", "/home/ada/")
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
