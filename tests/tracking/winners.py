"""Winners' folders as a driver leaves them, with the scores that a test wants."""

from pathlib import Path
from typing import Any

from tune_noise.tracking.entry import (
    CARD_FILE,
    ENTRY_FILE,
    Entry,
    Evidence,
    entry_bytes,
)
from tune_noise.tracking.registry import Registry

# Seeds 1 to 5: `BETTER` is ahead on each by about 0.1, `AS_GOOD` by nothing to speak of.
PLAIN = {1: 0.50, 2: 0.61, 3: 0.55, 4: 0.58, 5: 0.52}
BETTER = {seed: score + 0.1 + 0.001 * seed for seed, score in PLAIN.items()}
BEST = {seed: score + 0.2 - 0.001 * seed for seed, score in PLAIN.items()}
AS_GOOD = {1: 0.52, 2: 0.59, 3: 0.56, 4: 0.57, 5: 0.53}


def entry(name: str, search_id: str, scores: dict[int, float], **changes: Any) -> Entry:
    evidence = {
        "level": changes.pop("level", 0.05),
        "is_renamed": changes.pop("is_renamed", False),
        "scores": [(seed, seed, score) for seed, score in scores.items()],
    }
    values = {
        "name": name,
        "task": "7a5c" * 4,
        "search_id": search_id,
        "condition": "noise_rate=0.2",
        "trial_id": "c1",
        "evidence": Evidence.model_validate(evidence),
        "tags": {"tune_noise.verdict": "winner"},
        "params": {"method": "co_teaching", "model": "mlp1"},
        "requirements": ["tune-noise==0.2.0"],
        "input_shape": (1, 2, 2),
        "example": [[[0, 1], [2, 3]]],
    }
    return Entry.model_validate(values | changes)


def leave(output: Path, entry: Entry, *, card: str = "# A card\n") -> None:
    folder = output / "winners" / entry.condition
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "weights.safetensors").write_bytes(b"weights")
    (folder / "config.json").write_text("{}")
    (folder / CARD_FILE).write_text(card)
    (folder / ENTRY_FILE).write_bytes(entry_bytes(entry))


class Searches:
    """Searches that deliver their one winner to the same store."""

    def __init__(self, client: Any, folder: Path) -> None:
        self.client, self.folder = client, folder
        is_server = client.tracking_uri.startswith("http")
        place = None if is_server else (folder / "artifacts").as_uri()
        name = folder.name + folder.parent.name
        self.experiment_id = client.create_experiment(name, artifact_location=place)

    def registry(self) -> Registry:
        return Registry(self.client, experiment_id=self.experiment_id)

    def output(self, search_id: str) -> Path:
        return self.folder / search_id

    def deliver(self, entry: Entry, **given: Any) -> str:
        name = entry.search_id
        # Other tests have searches of the same names in the same store.
        unique = entry.model_copy(update={"search_id": f"{self.folder.name}-{name}"})
        leave(self.output(name), unique, **given)
        return self.again(name)

    def again(self, search_id: str) -> str:
        [line] = self.registry().deliver(self.output(search_id), {})
        return line

    def versions(self, name: str) -> dict[int, Any]:
        found = self.client.search_model_versions(f"name = '{name}'")
        return {int(version.version): version for version in found}

    def aliases(self, name: str) -> dict[str, int]:
        aliases = self.client.get_registered_model(name).aliases
        return {alias: int(version) for alias, version in aliases.items()}

    def models(self) -> list[Any]:
        return list(self.client.search_logged_models([self.experiment_id]))
