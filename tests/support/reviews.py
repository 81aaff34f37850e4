"""Searches that can be reviewed, and the command that serves their page."""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import uvicorn

from tests.support.audits import judged_search
from tests.support.histories import Builder, epoch
from tests.support.waiting import wait_for
from tune_noise.audit.answers import Answer, AuditRecord
from tune_noise.audit.sample import draw_sample
from tune_noise.config.search import SearchConfig
from tune_noise.data import Dataset
from tune_noise.data.own_data import plan_dataset
from tune_noise.data.sources.read import read_source
from tune_noise.record import Event, Record
from tune_noise.service.audit.opened import open_audit
from tune_noise.service.begin import dataset_facts
from tune_noise.service.earlier import lineage_facts
from tune_noise.service.review.app import Words, make_app
from tune_noise.service.review.serve import address_of, open_socket
from tune_noise.service.review.work import Review


def audited_search(folder: Path, digits: Dataset, *, labels: int = 40) -> list[int]:
    """Write the record of a search on the digits that nobody has run, with a sample.

    Returns:
        The examples of the sample, in order.
    """
    judged_search(folder, digits)
    audit = open_audit(folder, None, None)
    sample = draw_sample(audit.population, labels=labels, seed=0)
    audit.record.add_sample(sample)
    return [int(example) for example in sample.examples]


def own_config(name: str, source: str, **options: Any) -> SearchConfig:
    """Return a search on data of one's own."""
    space: dict[str, Any] = {"name": name, "title": "own", "noise": "given", "dataset": source}
    space |= {"data": {"train": source, **options}, "fixed": {"val_fraction": 0.2}}
    space |= {"search": {"lr": {"loguniform": [0.001, 0.1]}}, "trials": 8, "epochs": 6}
    return SearchConfig.model_validate(space)


def own_search(folder: Path, source: str, *, gain: float = 0.0, **options: Any) -> None:
    """Write the record of a search on data of one's own that nobody has run."""
    config = own_config(folder.name, source, **options)
    assert config.data is not None
    raw = read_source(config.data)
    dataset = plan_dataset(raw, config.data, val_fraction=0.2).dataset()
    build = Builder(**config.to_plain())
    for objective, lr in ((0.2, 0.05), (0.4, 0.01)):
        build.add(epoch(objective), lr=lr)
    for objectives, lr in (([0.5, 0.55], 0.015), ([0.6, 0.65], 0.02)):
        build.add_finalist([value + gain for value in objectives], lr=lr)
    lineage = lineage_facts(config, dataset)
    facts = {"dataset": dataset_facts(dataset), "search_id": str(folder), "lineage": lineage}
    build.events[0].data.update(facts)
    run = Event("run", data={"host": "ada", "pid": 7, "time_budget_seconds": None})
    folder.mkdir(parents=True)
    with Record(folder / "record.db", writer=True) as record:
        record.append(build.events[0], run, *build.events[1:], Event("finish"))


def recorded(folder: Path) -> list[Answer]:
    """Return all answers in the record, in the order in which they came."""
    return AuditRecord(folder).answers


class ReviewCommand:
    """`tune-noise review FOLDER`, in a process of its own."""

    def __init__(self, folder: Path, *options: str) -> None:
        self._arguments = ["review", str(folder), "--no-browser", *options]

    def __enter__(self) -> Self:
        program = "from tune_noise.cli import main; main()"
        self.process = subprocess.Popen(
            [sys.executable, "-c", program, *self._arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self.process.stdout
        line = self.process.stdout.readline()
        found = re.search(r"http://\S+", line)
        assert found, line + self.process.stdout.read()
        self.url = found[0]
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        assert self.process.stdout
        self.process.stdout.close()


def fetch(
    url: str, body: Any = None, *, host: str | None = None
) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and content of an answer of this machine; no proxy is asked."""
    directly = build_opener(ProxyHandler({}))
    data = None if body is None else json.dumps(body).encode()
    request = Request(url, data, {} if host is None else {"Host": host})
    try:
        with directly.open(request, timeout=60) as response:
            return response.status, dict(response.headers), response.read()
    except HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read()


@contextmanager
def served(review: Review, words: Words, folder: Path) -> Iterator[str]:
    """Serve the page of a review by a thread of this process; yield its address."""
    with open_socket(folder, 0) as (listener, token, _):
        app = make_app(review, words, token)
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        wait_for(lambda: server.started, "server")
        yield address_of(listener.getsockname()[1], token)
        server.should_exit = True
        thread.join()
