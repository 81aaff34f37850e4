"""What the reference models cost, as a share of the whole search.

    python benchmarks/references.py RUN [RUN ...]

RUN is the folder of a finished search. "Training" adds up the seconds of all stacks, search and
confirmation, and of the reference models, each on the cores of one trial; "wall" is the time from
the first event of the record to the end, and how much of it passed between the last trial and the
last reference model; of a search that was resumed it says nothing. At most 10 % of a search of the
default size is the goal.
"""

import sys
from pathlib import Path

from tune_noise.history.open import find_record
from tune_noise.history.replay import History
from tune_noise.record import Record


def main() -> None:
    columns = ["search", "trials", "models", "training, s", "models, s", "share (%)"]
    columns += ["wall, s", "models, s", "share (%)"]
    print(f"| {' | '.join(columns)} |\n|{' -- |' * len(columns)}")
    for folder in map(Path, sys.argv[1:]):
        with Record(find_record(folder)) as record:
            events = list(record.events())
        history = History.replay(events)
        if not history.finished:
            sys.exit(f"error: {folder}: the search is not finished")
        models = [one for of in history.references.values() for one in of.values() if one.metrics]
        stacks: dict[str, float] = {}
        for trial in history.trials.values():
            stacks[trial.stack_id] = max(trial.seconds, stacks.get(trial.stack_id, 0.0))
        trained, by_models = sum(stacks.values()), sum(one.seconds for one in models)
        began, ended = events[0].seconds, events[-1].seconds
        last_trial = max(event.seconds for event in events if event.kind == "end")
        last_model = max(
            (event.seconds for event in events if event.kind == "reference"), default=last_trial
        )
        row = [folder.name, str(len(history.trials)), str(len(models))]
        row += shares(trained + by_models, by_models)
        is_in_one_run = sum(event.kind == "run" for event in events) == 1
        row += shares(ended - began, last_model - last_trial) if is_in_one_run else ["-"] * 3
        print(f"| {' | '.join(row)} |")


def shares(whole: float, part: float) -> list[str]:
    return [f"{whole:.1f}", f"{part:.1f}", f"{100 * part / whole:.1f}"]


if __name__ == "__main__":
    main()
