"""Records of searches that nobody has run."""

from pathlib import Path

from tests.support.histories import Builder, epoch
from tests.support.noise_records import told_classes
from tune_noise.config.loader import find_space, read_space
from tune_noise.record import Event, Record

# Rows labels, columns predicted classes.
TRUE = [[90, 10, 0], [0, 40, 0], [4, 1, 5]]
NOISY = [[70, 10, 10], [8, 32, 2], [9, 3, 6]]


def finished_search(folder: Path, *, gain: float, fingerprint: str = "f1") -> None:
    """Write the record of a finished search of the space smoke."""
    space = {**read_space(find_space("smoke")), "name": folder.name}
    build = Builder(**space)
    for number in range(6):
        build.add(epoch(0.4 + 0.01 * number), method="standard", lr=0.002)
    for objectives, method in (([0.5, 0.55, 0.52], "standard"), ([0.6, 0.65, 0.62], "co_teaching")):
        build.add_finalist([value + gain for value in objectives], method=method, lr=0.003)
    _tell_classes(build)
    build.add_reference("knn", [0.4, 0.45, 0.41], k=25)
    folder.mkdir(parents=True)
    data = {"name": "digits", "classes": 10, "fingerprint": fingerprint}
    build.events[0].data.update(dataset=data, search_id=str(folder))
    run = Event("run", data={"host": "ada", "pid": 7, "time_budget_seconds": None})
    with Record(folder / "record.db", writer=True) as record:
        record.append(build.events[0], run, *build.events[1:], Event("finish"))


def _tell_classes(build: Builder) -> None:
    """Let each confirmation tell what becomes of three classes."""
    noise = {"networks": 1, "confusion": told_classes(TRUE, NOISY)["confusion"]}
    asked = {e.trial_id for e in build.events if e.kind == "ask" and e.data["finalist"]}
    for event in build.events:
        if event.kind == "end" and event.trial_id in asked:
            event.data["noise"] = noise
