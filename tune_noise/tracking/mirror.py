"""Makes MLflow agree with the record: a run per search, and in it one per trial and finalist."""

import time
from pathlib import Path
from typing import Any

from tune_noise.history.replay import History, TrialHistory
from tune_noise.record import Event
from tune_noise.tracking import answer, content, store
from tune_noise.tracking.fault import Fault
from tune_noise.tracking.faults import find_fault
from tune_noise.tracking.internals import bulk
from tune_noise.tracking.internals.database import database_of
from tune_noise.tracking.internals.views import view_tags
from tune_noise.tracking.registry import Registry
from tune_noise.tracking.store import Run

# A trial that ends sooner than this is sent in one piece, a longer one this often.
LIVE_SECONDS = 5.0


class Mirror:
    """The MLflow side of one search.

    Delivery compares what the record says with what MLflow is known to hold and sends the
    difference. After any failure that knowledge is thrown away and read from MLflow again, so a
    request whose answer was lost is never repeated blindly.

    Args:
        tracking_uri: of the MLflow server or database.
        experiment: name of the experiment; made if it does not exist.
        output: the search's folder.

    Attributes:
        history: what the record says.
        experiment_id: MLflow's; None before it is known.
        num_sent: pieces that MLflow has taken so far.
        models: a line for each winner: how it is registered; known after the last delivery.
    """

    def __init__(self, *, tracking_uri: str, experiment: str, output: Path) -> None:
        self.history = History()
        self.experiment_id: str | None = None
        self.num_sent = 0
        self.models: list[str] = []
        self._uri = tracking_uri
        self._experiment = experiment
        self._output = output
        self._client: Any = None
        self._parent: Run | None = None
        self._runs: dict[str, Run] = {}
        # The search trial that a finalist is -> the run that holds its seeds.
        self._finalists: dict[str, Run] = {}
        # Condition and name of a reference model -> its run.
        self._references: dict[str, Run] = {}
        self._flags: dict[str, dict[str, str]] = {}
        # Whether a request may still be on its way although it was given up.
        self._is_in_doubt = False
        # Trials of a transaction that failed.
        self._refused: set[str] = set()
        # trial_id -> monotonic time since when it has something to send
        self._waiting: dict[str, float] = {}

    @property
    def parent_run_id(self) -> str | None:
        """MLflow's id of the search's run; None before it is known."""
        return self._parent.run_id if self._parent else None

    def find_fault(self) -> Fault | None:
        """Return what is wrong with MLflow now, e.g. after a failure."""
        return find_fault(self._uri, self._experiment)

    def observe(self, event: Event) -> None:
        """Take an event of the record into account; nothing is sent yet."""
        self.history.apply(event)
        if event.trial_id in self.history.trials:
            self._wait(str(event.trial_id))
        if event.kind == "ask" and event.data.get("finalist"):
            self._flag(event.data["finalist"], "finalist")

    def _wait(self, trial_id: str) -> None:
        self._waiting.setdefault(trial_id, time.monotonic())

    def _flag(self, trial_id: str, flag: str, value: str = "true") -> None:
        self._flags.setdefault(trial_id, {})[flag] = value
        self._wait(trial_id)

    def deliver(self, *, is_last: bool, deadline: float) -> None:
        """Send what is due.

        Args:
            is_last: the driver has ended: send everything, the artifacts too, and leave no run
                RUNNING; a trial or search without an end becomes KILLED.
            deadline: monotonic time in seconds after which no further trial is begun.

        Raises:
            Exception: whatever MLflow raises; call again later, nothing is lost.
        """
        if not self.history.search:
            return
        try:
            self._deliver(is_last=is_last, deadline=deadline)
            if is_last and self._is_in_doubt:
                # A request that was given up may have been served after it was repeated.
                self._client = None
                self._deliver(is_last=True, deadline=deadline)
        except BaseException:
            self._client = None
            self._is_in_doubt = True
            raise

    def _deliver(self, *, is_last: bool, deadline: float) -> None:
        if self._client is None:
            self._connect()
        # KILLED first, so that little time is enough to leave the search's run in order.
        parent = self._deliver_parent(is_last=is_last and not self.history.finished)
        summary = answer.read_summary(self._output) if is_last and self.history.finished else None
        if summary is not None:
            self._flag_winners(summary)
        if is_last:
            for trial_id in filter(self._is_open, self._runs):
                self._wait(trial_id)  # to be ended, although there is no news of it
        self._deliver_trials(parent, is_last=is_last, deadline=deadline)
        if is_last:
            try:
                store.upload(self._client, parent, self._output)
            finally:
                # A search whose files cannot be stored has ended all the same.
                self._deliver_parent(is_last=True, summary=summary)
            if self.history.finished:
                self._register()

    def _connect(self) -> None:
        """Find or make the experiment, and read which runs of this search MLflow holds."""
        client = store.connect(self._uri)
        location = store.artifact_location(self._uri, self._output)
        self.experiment_id = store.find_experiment(client, self._experiment, location=location)
        store.offer_views(client, self.experiment_id, view_tags(self.history.config))
        runs: dict[tuple[str, str], Run] = {}
        for run in store.known_runs(client, self.experiment_id, self.history):
            if run.key in runs:
                # A create_run whose answer was lost can arrive after its repetition.
                store.discard(client, run)
            else:
                runs[run.key] = run
        self._parent = runs.get(store.PARENT)
        self._runs = {name: run for (kind, name), run in runs.items() if kind == "trial"}
        self._finalists = {name: run for (kind, name), run in runs.items() if kind == "finalist"}
        self._references = {name: run for (kind, name), run in runs.items() if kind == "reference"}
        for trial_id in self.history.trials:
            self._wait(trial_id)
        self._client = client

    def _deliver_parent(self, *, is_last: bool, summary: answer.Summary | None = None) -> Run:
        """Return the search's run, and the status of those that hold finalists."""
        tags = content.search_tags(self.history)
        if self._parent is None:
            self._parent = self._create(
                self.history.config.name, tags, start_seconds=self._started_seconds
            )
        run = self._parent
        points: list[content.Point] = []
        if summary is not None:
            tags["mlflow.note.content"] = answer.description(self.history, summary)
            points = answer.search_points(self.history, summary)
            self._deliver_finalists(summary)
            self._deliver_references(summary, run)
        elif "mlflow.note.content" in run.tags:
            tags.pop("mlflow.note.content", None)  # what an earlier driver has found stays
        params = content.search_params(self.history)
        self._log(run, run.news(points), params=params, tags=tags)
        for open_run in (*self._finalists.values(), run):
            self._set_open_status(open_run, is_last=is_last)
        return run

    def _set_open_status(self, run: Run, *, is_last: bool) -> None:
        """Set the status of a run that is open as long as the search is."""
        if self.history.finished and (is_last or run.status == "FINISHED"):
            store.set_status(self._client, run, "FINISHED", end_seconds=time.time())
        else:
            status = "KILLED" if is_last else "RUNNING"
            store.set_status(self._client, run, status, end_seconds=time.time())

    def _deliver_finalists(self, summary: answer.Summary) -> None:
        standings, finalists = answer.standings(summary), answer.finalists(summary)
        for trial in self.history.trials.values():
            run = self._finalists.get(trial.finalist or "")
            if run is None or trial.finalist not in finalists:
                continue
            points = answer.finalist_points(self.history, finalists[trial.finalist])
            standing = standings.get(trial.finalist, "")
            tags = content.finalist_tags(trial, self.history, standing=standing)
            self._log(run, run.news(points), params={}, tags=tags)

    def _deliver_references(self, summary: answer.Summary, parent: Run) -> None:
        for condition, reference in answer.references(summary):
            name = f"{condition} {reference['name']}"
            tags = content.reference_tags(condition, reference, self.history)
            if name not in self._references:
                tags["mlflow.parentRunId"] = parent.run_id
                title = content.reference_name(condition, reference, self.history)
                started = self._started_seconds
                self._references[name] = self._create(title, tags, start_seconds=started)
            run = self._references[name]
            points = answer.finalist_points(self.history, reference)
            params = content.reference_params(reference)
            self._log(run, run.news(points), params=params, tags=tags)
            store.set_status(self._client, run, "FINISHED", end_seconds=time.time())

    @property
    def _started_seconds(self) -> float:
        first = next(iter(self.history.trials.values()), None)
        return first.asked_seconds if first else time.time()

    def _deliver_trials(self, parent: Run, *, is_last: bool, deadline: float) -> None:
        self._deliver_whole(parent, deadline=deadline)
        # Open runs first: little time is enough to leave none of them RUNNING.
        queue = sorted(self._waiting.items(), key=lambda item: not self._is_open(item[0]))
        for trial_id, since in queue:
            trial = self.history.trials[trial_id]
            is_due = time.monotonic() - since >= LIVE_SECONDS
            if not (is_last or is_due or trial.status):
                continue
            self._check_time(deadline)
            del self._waiting[trial_id]
            try:
                self._deliver_trial(trial, parent, is_last=is_last)
            except BaseException:
                # To the end of the queue: a trial that MLflow refuses holds up no other.
                self._waiting[trial_id] = since
                raise

    def _deliver_whole(self, parent: Run, *, deadline: float) -> None:
        """Deliver ended trials that have no run yet, where there is a database."""
        if (database := database_of(self._client)) is None:
            return
        trials, refused = self.history.trials, self._refused
        ended = [t for t in self._waiting if trials[t].status and trials[t].stage == "search"]
        for batch in bulk.batches([t for t in ended if t not in self._runs and t not in refused]):
            self._check_time(deadline)
            whole = [trials[trial_id] for trial_id in batch]
            runs = [bulk.whole_run(t, self.history, tags=self._tags(t, parent)) for t in whole]
            try:
                made = bulk.write_runs(database, str(self.experiment_id), runs)
            except BaseException:
                # One by one next time: a trial that MLflow refuses holds up no other.
                refused.update(batch)
                raise
            self.num_sent += 1
            for trial_id, run in zip(batch, made, strict=True):
                self._runs[trial_id] = run
                del self._waiting[trial_id]

    def _tags(self, trial: TrialHistory, above: Run) -> dict[str, str]:
        flags = self._flags.get(trial.trial_id, {})
        tags = content.trial_tags(trial, self.history, flags=flags)
        return tags | {"mlflow.parentRunId": above.run_id}

    def _check_time(self, deadline: float) -> None:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{len(self._waiting)} trials are still to be sent")

    def _is_open(self, trial_id: str) -> bool:
        return trial_id in self._runs and self._runs[trial_id].status == "RUNNING"

    def _deliver_trial(self, trial: TrialHistory, parent: Run, *, is_last: bool) -> None:
        above = self._finalist_run(trial, parent, is_last=is_last) if trial.finalist else parent
        tags = self._tags(trial, above)
        run = self._runs.get(trial.trial_id)
        if run is None:
            name = content.trial_name(trial, self.history)
            run = self._create(name, tags, start_seconds=trial.asked_seconds)
            self._runs[trial.trial_id] = run
        params = content.trial_params(trial, self.history)
        for points in store.pieces(trial, run):
            self._log(run, points, params=params, tags=tags)
        # MLflow may hold more than a record whose last write was torn: it is not sent again.
        run.num_epochs = max(run.num_epochs, trial.num_epochs)
        open_status = "KILLED" if is_last else "RUNNING"
        status = content.RUN_STATUS[trial.status] if trial.status else open_status
        store.set_status(self._client, run, status, end_seconds=trial.ended_seconds or time.time())

    def _finalist_run(self, trial: TrialHistory, parent: Run, *, is_last: bool) -> Run:
        """Return the run that holds the seeds of a finalist, of which this trial is one."""
        finalist = str(trial.finalist)
        if finalist not in self._finalists:
            tags = content.finalist_tags(trial, self.history, standing="")
            tags["mlflow.parentRunId"] = parent.run_id
            name = content.finalist_name(trial, self.history)
            run = self._create(name, tags, start_seconds=trial.asked_seconds)
            self._finalists[finalist] = run
        run = self._finalists[finalist]
        self._log(run, [], params=content.finalist_params(trial, self.history), tags={})
        self._set_open_status(run, is_last=is_last and not self.history.finished)
        return run

    def _create(self, name: str, tags: dict[str, str], *, start_seconds: float) -> Run:
        return store.create(
            self._client, self.experiment_id, name, tags, start_seconds=start_seconds
        )

    def _log(
        self,
        run: Run,
        points: list[content.Point],
        *,
        params: dict[str, str],
        tags: dict[str, str],
    ) -> None:
        if store.send(self._client, run, points, params=params, tags=tags):
            self.num_sent += 1

    def _register(self) -> None:
        registry = Registry(self._client, experiment_id=str(self.experiment_id))
        run_ids = {trial_id: run.run_id for trial_id, run in self._runs.items()}
        self.models = registry.deliver(self._output, run_ids)

    def _flag_winners(self, summary: answer.Summary) -> None:
        winners = answer.winner_trials(self.history, summary)
        for trial_id, run in self._runs.items():
            if run.tags.get("tune_noise.winner") == "true" and trial_id not in winners:
                self._flag(trial_id, "winner", "false")  # the search has grown
        for trial_id in winners:
            self._flag(trial_id, "winner")
