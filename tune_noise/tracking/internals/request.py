"""One request to an MLflow server, with the login that the user's environment holds."""

from typing import Any


def request_experiments(uri: str, *, timeout_seconds: float) -> Any | None:
    """Ask a server for one experiment.

    Args:
        uri: `http(s)://...` of the server.
        timeout_seconds: how long to wait for its answer; there is no second attempt.

    Returns:
        The answer, whatever its status; None if none came in time.
    """
    # MLflow's own request knows the user's MLFLOW_TRACKING_... variables: user, token, certificate.
    from mlflow.exceptions import MlflowException
    from mlflow.utils.credentials import get_default_host_creds
    from mlflow.utils.rest_utils import http_request

    try:
        return http_request(
            get_default_host_creds(uri.rstrip("/")),
            "/api/2.0/mlflow/experiments/search?max_results=1",
            "GET",
            max_retries=0,
            timeout=timeout_seconds,
            raise_on_status=False,
        )
    except MlflowException:
        return None
