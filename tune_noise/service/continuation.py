"""Whether a search may go on from its record: what may differ by now, and what may not."""

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tune_noise.config.search import SearchConfig
from tune_noise.data import Dataset
from tune_noise.errors import UserError
from tune_noise.history.replay import DECISIVE_PACKAGES, History
from tune_noise.record import Record, RecordPlace
from tune_noise.record.folder import SEARCH_FILE
from tune_noise.record.reach import exists
from tune_noise.service.begin import source_commit

# How much of a cluster a trial takes does not change what it finds, nor does what comes after it.
_HARMLESS = ("resources", "suspects", "references")


def read_begun(
    folder: Path, place: RecordPlace, search: SearchConfig, dataset: Dataset, *, resume: bool
) -> History | None:
    """Return what the record says of a search that has begun; nothing is written.

    Args:
        folder: of the search.
        place: of its record.
        search: what is asked for now.
        dataset: what it would be trained on.
        resume: whether a search that has begun may be continued.

    Returns:
        None where no search has begun.

    Raises:
        UserError: a search has begun, and `resume` is not set or it is not this one.
    """
    if not exists(place):
        return None
    if not resume:
        is_inside = place.path is not None and place.path.parent == folder
        raise UserError(
            f"{folder if is_inside else place.shown} holds a search already: continue it with "
            "--resume, choose another --name or --output, or delete it"
        )
    with Record(place) as record:
        history = History.replay(record.events())
    if not history.search:
        return None
    check_same(history, search, dataset, folder)
    return history


def check_same(history: History, search: SearchConfig, dataset: Dataset, folder: Path) -> None:
    """Check that a search is the one in the record, or the same with more trials.

    Raises:
        UserError: it is not; every difference is listed.
    """
    lines = [
        *_changes_of_the_space(history.config.to_plain(), search.to_plain()),
        *_changes_of_the_data(history.search["dataset"], dataset),
        *_changes_of_versions(history.search["versions"]),
        *_changes_of_own(history.search.get("own", {}), search),
    ]
    if lines:
        differences = "\n".join(lines)
        raise UserError(
            f"{folder} holds another search: choose another --name, run what it holds with "
            f"--space {folder / SEARCH_FILE}, or bring back what has changed\n{differences}"
        )


def _changes_of_the_space(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    keys = [k for k in {**old, **new} if k not in _HARMLESS and old.get(k) != new.get(k)]
    if "trials" in keys and new["trials"] > old["trials"]:
        keys.remove("trials")
    hint = {"trials": " (a search may grow, not shrink)"}
    return [f"  {k}: {old.get(k)} there, {new.get(k)} now{hint.get(k, '')}" for k in keys]


def _changes_of_the_data(old: dict[str, Any], dataset: Dataset) -> list[str]:
    if old["fingerprint"] == dataset.fingerprint:
        return []
    is_earlier_split = "repeated_examples" not in old and dataset.num_inputs < len(dataset.input_of)
    hint = " (by now equal inputs stay together in every split)" if is_earlier_split else ""
    lines = [f"  data: fingerprint {old['fingerprint']} there, {dataset.fingerprint} now{hint}"]
    before, now = _encoder(old.get("encoder")), _encoder(dataset.encoder)
    return lines if before == now else [*lines, f"  encoder: {before} there, {now} now"]


def _encoder(about: Mapping[str, Any] | None) -> str:
    """Return what an encoder is, whatever it was fitted on."""
    if about is None:
        return "none"
    facts = {**about["fields"], **about["version"]}
    return f"{about['name']} ({', '.join(f'{name} {value}' for name, value in facts.items())})"


def _changes_of_versions(old: dict[str, str]) -> list[str]:
    now = {name: version(name) for name in DECISIVE_PACKAGES}
    return [f"  {n}: {old[n]} there, {now[n]} now" for n in DECISIVE_PACKAGES if old[n] != now[n]]


def _changes_of_own(old: dict[str, dict[str, str]], search: SearchConfig) -> list[str]:
    """Return a line for each class of the user's own whose code is another one by now."""
    now = search.own_versions()
    return [
        f"  {name}: {key} {old[name].get(key)} there, {now[name].get(key)} now"
        for name in now
        if name in old
        for key in {**old[name], **now[name]}
        if old[name].get(key) != now[name].get(key)
    ]


def grows(history: History, search: SearchConfig, time_budget_seconds: float | None) -> bool:
    """Return whether more is asked of a search than its record says: more trials, or more time.

    Args:
        history: of a search that `check_same` accepts.
        search: what is asked for now.
        time_budget_seconds: what is allowed now; None for no limit.
    """
    used_up = history.time.used_up_seconds
    has_time = time_budget_seconds is None or time_budget_seconds > used_up
    return search.trials > history.config.trials or (used_up > 0.0 and has_time)


def changed_code(history: History) -> str | None:
    """Return one sentence where the search was begun by other code of the same version."""
    then, now = history.search["commit"], source_commit()
    if then == now:
        return None
    return (
        f"this search was begun by the code of commit {then or 'unknown'}, and goes on with "
        f"{now or 'unknown'}: its results may differ from those of an uninterrupted run"
    )
