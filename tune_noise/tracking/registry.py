"""MLflow's model registry: each winner is one version of a model, judged once.

What is done is found in MLflow itself, by tags that are written together with what they belong to.
So a delivery that was cut off anywhere is repeated without a second model, version or judgement.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tune_noise.record.folder import WINNERS
from tune_noise.tracking.entry import (
    CARD_FILE,
    EVIDENCE_TAG,
    Entry,
    evidence_tag,
    read_entry,
    read_evidence,
)
from tune_noise.tracking.logged_model import LoggedModels
from tune_noise.tracking.standing import CHALLENGER, CHAMPION, Version, judge, last_champion

TASK_TAG, STANDING_TAG, JUDGED_TAG = (
    "tune_noise.task",
    "tune_noise.standing",
    "tune_noise.judged",
)
ABOUT = (
    "One task: data, noise, objective and training set. Each version is the leader of a search by "
    "tune_noise. @champion: no search has shown a better one. @challenger: the newest one that is "
    "not clearly better than the champion of its time. The tag tune_noise.judged says why."
)
# A description has a column of 5000 characters in some databases.
MAX_DESCRIPTION = 4900
_PER_PAGE = 200
# What MLflow answers where it will not register anything, however often it is asked.
_REFUSALS = (400, 401, 403, 404, 405, 501)


class Registry:
    """Registers the winners of one search.

    Args:
        client: of the MLflow that MLFLOW_TRACKING_URI names: there it looks for a version's model.
        experiment_id: MLflow's, of the search.
    """

    def __init__(self, client: Any, *, experiment_id: str) -> None:
        self._client = client
        self._models = LoggedModels(client, experiment_id=experiment_id)

    def deliver(self, output: Path, run_ids: Mapping[str, str]) -> list[str]:
        """Register what the winners' folders ask for, and settle who is champion.

        Args:
            output: the search's folder.
            run_ids: trial_id -> MLflow's id of its run.

        Returns:
            A line for each model: name, version, alias and why.

        Raises:
            Exception: whatever MLflow raises that may pass; call again later, nothing is lost.
        """
        from mlflow.exceptions import MlflowException

        lines = []
        for folder in sorted(path.parent for path in output.glob(f"{WINNERS}/*/{CARD_FILE}")):
            entry = read_entry(folder)
            if entry is None:
                continue
            try:
                lines.append(self._register(entry, folder, run_ids.get(entry.trial_id)))
            except MlflowException as error:
                if error.get_http_status_code() not in _REFUSALS:
                    raise
                reason = " ".join(str(error).split())[:200]
                lines.append(f"{entry.name} was not registered: MLflow refused it ({reason})")
        return lines

    def _register(self, entry: Entry, folder: Path, run_id: str | None) -> str:
        card = (folder / CARD_FILE).read_text(encoding="utf-8")[:MAX_DESCRIPTION]
        version = self._own_version(entry)
        if version is None:
            model = self._models.find_or_make(entry, folder, run_id)
            if self._models.was_registered(model):
                return f"{entry.name}: its version was deleted in MLflow, and is not made again"
            version = self._create(entry, model, card)
        else:
            self._update(version, entry, card)
        self._settle(version.name)
        return self._line(version.name, int(version.version))

    def _own_version(self, entry: Entry) -> Any:
        """Return the version of this very model, whatever name its users have given to it."""
        query = f"tags.`tune_noise.search_id` = '{entry.search_id}'"
        versions = [v for v in self._pages(query) if entry.key.items() <= v.tags.items()]
        versions.sort(key=lambda v: (int(v.creation_timestamp), int(v.version)))
        for late in versions[1:]:
            # A request whose answer was lost can be served after its repetition. What a user has
            # copied to another name, with its tags, stays.
            if late.name == versions[0].name and STANDING_TAG not in late.tags:
                self._client.delete_model_version(late.name, late.version)
        if versions:
            self._models.note_registered(versions[0], entry)
        return versions[0] if versions else None

    def _pages(self, query: str) -> Iterator[Any]:
        token = None
        while True:
            page = self._client.search_model_versions(
                query, max_results=_PER_PAGE, page_token=token
            )
            yield from page
            token = page.token
            if not token:
                return

    def _create(self, entry: Entry, model: Any, card: str) -> Any:
        tags = {TASK_TAG: entry.task, **entry.key, **entry.tags, **evidence_tag(entry.evidence)}
        version = self._client.create_model_version(
            self._find_name(entry),
            source=f"models:/{model.model_id}",
            run_id=model.source_run_id,
            tags=tags,
            description=card,
            model_id=model.model_id,
        )
        self._models.note_registered(version, entry)
        return version

    def _find_name(self, entry: Entry) -> str:
        """Return the registered model of this task, made if there is none.

        The plain name belongs to the first task that took it; another one in the same words, e.g.
        on other data of the same file name, has some digits of its digest in its name.
        """
        from mlflow.exceptions import MlflowException

        plain, full = entry.name, f"{entry.name}-{entry.task[:8]}"
        for name in (plain, full):
            try:
                tags = {TASK_TAG: entry.task}
                self._client.create_registered_model(name, tags, ABOUT)
            except MlflowException as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
            if self._client.get_registered_model(name).tags.get(TASK_TAG) == entry.task:
                return name
        raise MlflowException.invalid_parameter_value(f"{full} is a model of something else")

    def _update(self, version: Any, entry: Entry, card: str) -> None:
        """Add what a search that has grown has found out since."""
        for name, value in entry.tags.items():
            if version.tags.get(name) != value:
                self._client.set_model_version_tag(version.name, version.version, name, value)
        if version.description != card:
            self._client.update_model_version(version.name, version.version, description=card)

    def _settle(self, name: str) -> None:
        """Judge each version that was not judged yet, the oldest first, whoever registered it."""
        has_set = False
        while True:
            versions = self._versions(name)
            new = [v for v in versions if v.standing is None and v.evidence is not None]
            if not new:
                break
            has_set |= self._judge(name, new[0], versions)
        newest = last_champion(versions)
        # Another search may have gone on to a newer version while we set the alias of an older one.
        if has_set and newest is not None and (self._holder(name, CHAMPION) or 0) < newest:
            self._client.set_registered_model_alias(name, CHAMPION, str(newest))

    def _judge(self, name: str, version: Version, versions: list[Version]) -> bool:
        """Give a version its alias, note that it was judged, and return whether it is champion."""
        holder = self._holder(name, CHAMPION)
        champion = next((v for v in versions if v.number == holder), None)
        if holder is not None and champion is None:
            champion = Version(holder, task=None, evidence=None, standing=None)
        judgement = judge(version, champion)
        alias, number = CHAMPION if judgement.is_champion else CHALLENGER, str(version.number)
        self._client.set_model_version_tag(name, number, JUDGED_TAG, judgement.reason)
        # The challenger is the newest one: an older version that is judged late is not.
        if judgement.is_champion or (self._holder(name, alias) or 0) < version.number:
            self._client.set_registered_model_alias(name, alias, number)
        self._client.set_model_version_tag(name, number, STANDING_TAG, alias)
        return judgement.is_champion

    def _versions(self, name: str) -> list[Version]:
        versions = [
            Version(
                number=int(version.version),
                task=version.tags.get(TASK_TAG),
                evidence=read_evidence(version.tags.get(EVIDENCE_TAG)),
                standing=version.tags.get(STANDING_TAG),
                reason=version.tags.get(JUDGED_TAG),
            )
            for version in self._pages(f"name = '{name}'")
        ]
        return sorted(versions, key=lambda version: version.number)

    def _holder(self, name: str, alias: str) -> int | None:
        """Return the number of the version that has an alias; None if none has."""
        number = self._client.get_registered_model(name).aliases.get(alias)
        return None if number is None else int(number)

    def _line(self, name: str, number: int) -> str:
        """Return `NAME version 2 @challenger: is not clearly better than version 1: ...`."""
        version = self._client.get_model_version(name, str(number))
        aliases = self._client.get_registered_model(name).aliases.items()
        held = "".join(f" @{alias}" for alias, v in sorted(aliases) if int(v) == number)
        return f"{name} version {number}{held}: {version.tags.get(JUDGED_TAG, 'not judged')}"
