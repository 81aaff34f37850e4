"""What is wrong with an MLflow: looked at before a search begins and after a failed delivery."""

import os
from typing import Any
from urllib.parse import quote, urlsplit

from tune_noise.errors import UserError
from tune_noise.system.masking import mask_password
from tune_noise.tracking.database_faults import (
    DATABASE_PORTS,
    find_database_fault,
    find_sqlite_fault,
)
from tune_noise.tracking.fault import Fault, find_experiment_fault, says_lasting
from tune_noise.tracking.internals.request import request
from tune_noise.tracking.uri import (
    EXPERIMENT_KIND,
    OPTION,
    SERVER_SCHEMES,
    TELEMETRY_OFF,
    VARIABLE,
    scheme_of,
)

CHECK_SECONDS = 4.0


def check_tracking_uri(
    uri: str,
    *,
    experiment: str | None = None,
    source: str = OPTION,
    seconds: float = CHECK_SECONDS,
) -> None:
    """Find out within some seconds whether MLflow can be reached at a URI and can take runs.

    Args:
        uri: `http(s)://...` of an MLflow server, or a database such as `sqlite:///FILE`.
        experiment: name of the one that is written to, if any; it need not exist.
        source: what the message calls it: the option, or `VARIABLE` where it comes from there.
        seconds: how long to wait for each answer.

    Raises:
        UserError: the scheme is not supported, nothing answers, what answers is not MLflow or
            refuses us, its tables are of another version, it cannot be written, or the experiment
            was deleted or its files cannot be written.
    """
    fault = find_fault(uri, experiment, seconds=seconds)
    if fault is not None:
        overrule = f", or overrule the environment with {OPTION}" if source == VARIABLE else ""
        raise UserError(mask_password(f"{source} {uri}: {fault}{overrule}"))


def find_fault(
    uri: str, experiment: str | None = None, *, seconds: float = CHECK_SECONDS
) -> Fault | None:
    """Return what is wrong with an MLflow; None if nothing is."""
    scheme = scheme_of(uri)
    if scheme in SERVER_SCHEMES:
        return _server_fault(uri, experiment, seconds)
    if scheme == "sqlite":
        return find_sqlite_fault(uri, experiment, seconds=seconds)
    if scheme in DATABASE_PORTS:
        port = DATABASE_PORTS[scheme]
        return find_database_fault(uri, experiment, default_port=port, seconds=seconds)
    return Fault(
        "MLflow no longer stores runs in a plain folder"
        if scheme in ("", "file")
        else f"the scheme {scheme!r} is not supported",
        "use http://HOST:PORT of an MLflow server, or sqlite:////ABSOLUTE/FILE.db",
    )


def _server_fault(uri: str, experiment: str | None, seconds: float) -> Fault | None:
    try:
        parts = urlsplit(uri)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return Fault(
            "its host or port cannot be understood",
            "write http://HOST:PORT; in a password write %2F for /, %3F for ?, %23 for #",
        )
    if not host:
        return Fault("there is no host name in it", "write http://HOST:PORT")
    for name, value in TELEMETRY_OFF.items():
        os.environ.setdefault(name, value)
    if experiment is None:
        return _answer_fault(request(uri, "experiments/search?max_results=1", seconds), seconds)
    return _server_experiment_fault(uri, experiment, seconds)


def _server_experiment_fault(uri: str, name: str, seconds: float) -> Fault | None:
    question = f"experiments/get-by-name?experiment_name={quote(name, safe='')}"
    answer = request(uri, question, seconds)
    content = _content_of(answer) or {}
    if content.get("error_code") == "RESOURCE_DOES_NOT_EXIST":
        return None  # it will be made
    if (fault := _answer_fault(answer, seconds, key="experiment")) is not None:
        return fault
    experiment = content["experiment"]
    if (fault := find_experiment_fault(experiment, uri)) is not None:
        return fault
    [(key, value)] = EXPERIMENT_KIND.items()
    if {"key": key, "value": value} not in experiment.get("tags", []):
        return None
    # Only writing tells whether we may write: the tag gets the value that it has.
    tag = {"experiment_id": experiment["experiment_id"], "key": key, "value": value}
    return _answer_fault(request(uri, "experiments/set-experiment-tag", seconds, json=tag), seconds)


def _answer_fault(answer: Any | None, seconds: float, *, key: str | None = None) -> Fault | None:
    """Return what is wrong with the answer of a server, which ought to hold an object `key`."""
    if answer is None:
        return Fault(
            f"no MLflow server answered within {seconds:g} seconds",
            "start it (mlflow server --host 127.0.0.1 --port 5000) or correct the address",
            may_pass=True,
        )
    status, text = answer.status_code, " ".join(answer.text.split())
    if status in (401, 403):
        return Fault(
            f"the server refused us with status {status} ({text[:120]})",
            "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or allow this host name "
            "with mlflow server --allowed-hosts",
        )
    content = _content_of(answer)
    is_object = isinstance(content if key is None else (content or {}).get(key), dict)
    if status == 200 and is_object:
        return None
    if says_lasting(text):
        return Fault(
            f"the server cannot write ({text[:120]})", "let its store be written, or take another"
        )
    return Fault(
        f"what answered is not a working MLflow server (status {status})",
        "correct the address, or look into the server's log",
        may_pass=status == 429 or status >= 500,
    )


def _content_of(answer: Any | None) -> dict[str, Any] | None:
    """Return the JSON object that a server answered; None for anything else."""
    try:
        content = None if answer is None else answer.json()
    except ValueError:
        return None
    return content if isinstance(content, dict) else None
