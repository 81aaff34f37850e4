"""The examples of docs/json.md have the keys that the commands print."""

import json
import re

from tests.support.json_examples import COMMANDS, OUTCOME, PAGE, outputs, prepare, shape, shorten

from .console import Run


def test_every_example_has_the_keys_that_its_command_prints(run: Run) -> None:
    prepare()
    printed = outputs(lambda *arguments: run(*arguments).out)
    page = PAGE.read_text(encoding="utf-8")
    blocks = re.findall(r"<!-- json (.*?) -->\n\n```json\n(.*?)```\n\n<!-- end", page, re.DOTALL)
    examples = {command: shape(json.loads(text)) for command, text in blocks}
    assert examples == {command: shape(shorten(value)) for command, value in printed.items()}, (
        "run python -m tests.support.json_examples"
    )
    assert set(examples) == {*COMMANDS, OUTCOME}
