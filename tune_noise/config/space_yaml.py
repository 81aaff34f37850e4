"""The YAML of a space: plain values only, and never more of them than a space can need.

A file is read by people who did not write it, so it may cost no more than it looks: a few aliases
can stand for billions of values, and one long number for minutes of arithmetic.
"""

import re
from collections.abc import Hashable
from typing import Any

import yaml

from tune_noise.errors import UserError

MAX_VALUES = 10_000
MAX_DEPTH = 20
MAX_KEY_LETTERS = 100
# More than any number that a computer holds exactly; PyYAML also reads 1:30:59 as a number.
MAX_NUMBER_LETTERS = 60

_TAG = "tag:yaml.org,2002:"
_KINDS = ("null", "bool", "int", "float", "str", "seq", "map")
# They would break a line of a message, steer a terminal, or cannot be written to a file.
_NO_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
# What PyYAML raises beside its own errors: on `!!bool x`, `!!int ''`, `!!map [a]`, `1:1:1.5`.
_NOT_YAML = (
    yaml.YAMLError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)


class _SpaceLoader(yaml.SafeLoader):
    """Safe YAML that reads 1e-3 as a number (YAML 1.2) and refuses a key given twice."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0
        self._num_values = 0
        # By anchored or composed node: the values it stands for, those behind its aliases too.
        self._values_of: dict[int, int] = {}

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Compose a value, counting it before anything is built of it."""
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        mark, is_alias = event.start_mark, isinstance(event, yaml.AliasEvent)
        before = self._num_values
        self._num_values += 1
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _refusal(f"values stand in each other more than {MAX_DEPTH} deep", mark)
        node = super().compose_node(parent, index)
        self._depth -= 1
        if is_alias:
            if id(node) not in self._values_of:
                raise _refusal("a value contains itself", mark)
            self._num_values = before + self._values_of[id(node)]
        if self._num_values > MAX_VALUES:
            raise _refusal(f"it holds more than {MAX_VALUES} values", mark)
        self._values_of[id(node)] = self._num_values - before
        return node

    def construct_scalar(self, node: Any) -> Any:
        """Return the text of a value."""
        text = super().construct_scalar(node)
        is_number = node.tag in (f"{_TAG}int", f"{_TAG}float")
        if is_number and len(text) > MAX_NUMBER_LETTERS:
            raise _refusal(f"a number of more than {MAX_NUMBER_LETTERS} digits", node.start_mark)
        if match := _NO_TEXT.search(text):
            letter = f"U+{ord(match[0]):04X}"
            raise _refusal(f"the control character {letter} in a text", node.start_mark)
        return text

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        """Return a mapping, its keys short and each given once."""
        seen = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if not isinstance(key, yaml.ScalarNode):
                raise _refusal("a key must be a word", key.start_mark)
            if len(key.value) > MAX_KEY_LETTERS:
                problem = f"a key of more than {MAX_KEY_LETTERS} letters"
                raise _refusal(problem, key.start_mark)
            if key.value in seen:
                raise _refusal(f"the key {key.value!r} stands twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _refuse_tag(loader: _SpaceLoader, node: Any) -> None:
    tag = node.tag.replace(_TAG, "!!")
    problem = f"{tag[:40]} is not for a space: write numbers, text, lists and mappings alone"
    raise _refusal(problem, node.start_mark)


def _refusal(problem: str, mark: Any) -> yaml.YAMLError:
    return yaml.constructor.ConstructorError(problem=problem, problem_mark=mark)


_SpaceLoader.add_implicit_resolver(
    f"{_TAG}float",
    re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$|^[-+]?\.(inf|Inf)$|^\.(nan|NaN)$"),
    list("-+0123456789."),
)
# PyYAML tries rules in order, and its integers must come before the floats above. A date is text.
_SpaceLoader.yaml_implicit_resolvers = {
    first: sorted(
        (rule for rule in rules if rule[0].removeprefix(_TAG) in (*_KINDS, "merge")),
        key=lambda rule: rule[0] != f"{_TAG}int",
    )
    for first, rules in _SpaceLoader.yaml_implicit_resolvers.items()
}
# No dates, sets, bytes: a space is what JSON could say, too.
_SpaceLoader.yaml_constructors = {
    tag: build
    for tag, build in _SpaceLoader.yaml_constructors.items()
    if tag is not None and tag.removeprefix(_TAG) in _KINDS
}
_SpaceLoader.add_constructor(None, _refuse_tag)


def parse_yaml(text: str, *, source: str) -> Any:
    """Parse YAML to null, booleans, numbers, text, lists and mappings.

    Raises:
        UserError: the text is not YAML, or more than a space can need; names line and column.

    Example:
        >>> parse_yaml("{lr: 1e-3, date: 2020-01-01}", source="here")
        {'lr': 0.001, 'date': '2020-01-01'}
    """
    try:
        return yaml.load(text, _SpaceLoader)
    except _NOT_YAML as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        reason = getattr(error, "problem", None) or str(error).partition("\n")[0]
        raise UserError(f"{source}{where}: not valid YAML: {reason}") from None
