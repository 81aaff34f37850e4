"""The two newest states of a stack: a damaged one is passed over for the one before it."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from tune_noise.record.folder import checkpoint_file, previous_checkpoint_file, weights_file
from tune_noise.system.files import remove_partials
from tune_noise.training.checkpoint import (
    UNREADABLE,
    DamagedCheckpoint,
    Tensors,
    read_checkpoint,
    write_checkpoint,
)
from tune_noise.tuning.session.stacks import Stack

Load = Callable[[Tensors, dict[str, Any]], None]


class StackCheckpoints:
    """Writes and restores the state of one stack.

    Args:
        output: folder of the search.
        stack: whose state it is; that of another stack, or of other configurations, is refused.
    """

    def __init__(self, output: Path, stack: Stack) -> None:
        self._output, self._stack = output, stack
        self._current = checkpoint_file(output, stack.stack_id)
        self._previous = previous_checkpoint_file(output, stack.stack_id)
        self._current_is_usable = False

    def write(self, tensors: Tensors, values: dict[str, Any]) -> None:
        """Write the newest state and keep the one before it.

        Raises:
            OSError: the folder cannot be written; the states before are still there.
        """
        write_checkpoint(
            self._current,
            tensors,
            {**values, "stack": self._stack.to_json()},
            # A damaged file must not take the place of the good one before it.
            previous=self._previous if self._current_is_usable else None,
        )
        self._current_is_usable = True

    def restore(self, load: Load) -> list[str]:
        """Load the newest state that is usable, if there is one.

        Args:
            load: takes the tensors and values of `write`; called again with the state before
                where it raises one of the errors of a state that does not fit.

        Returns:
            Why newer states than this were passed over, a sentence without a full stop for each.

        Raises:
            OSError: the folder cannot be read.
        """
        _remove_partials(self._output, self._stack.stack_id)
        damage: list[str] = []
        for path in (self._current, self._previous):
            try:
                self._load(path, load)
            except FileNotFoundError:
                continue
            except DamagedCheckpoint as error:
                damage.append(f"checkpoint {path.name} {error.reason}")
                continue
            self._current_is_usable = path == self._current
            break
        return damage

    def _load(self, path: Path, load: Load) -> None:
        tensors, values = read_checkpoint(path)
        if values.pop("stack", None) != self._stack.to_json():
            raise DamagedCheckpoint(path, "is that of other trials or configurations")
        try:
            load(tensors, values)
        except UNREADABLE:
            raise DamagedCheckpoint(path, "does not fit the networks of its trials") from None


def remove_checkpoints(output: Path, stack_id: str) -> None:
    """Remove the states of a stack whose trials have all ended; its weights stay.

    What cannot be removed does no harm: an ended stack is never restored.
    """
    _remove_partials(output, stack_id)
    for path in (checkpoint_file(output, stack_id), previous_checkpoint_file(output, stack_id)):
        with suppress(OSError):
            path.unlink()


def _remove_partials(output: Path, stack_id: str) -> None:
    for path in (checkpoint_file(output, stack_id), weights_file(output, stack_id)):
        remove_partials(path)
