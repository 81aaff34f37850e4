"""One request to an MLflow server, with the login that the user's environment holds."""

from typing import Any


def request(
    uri: str, endpoint: str, seconds: float, *, json: dict[str, str] | None = None
) -> Any | None:
    """Ask a server one thing.

    Args:
        uri: `http(s)://...` of the server.
        endpoint: what is asked, below `/api/2.0/mlflow/`.
        seconds: how long to wait for its answer; there is no second attempt.
        json: content of a POST; None for a GET.

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
            f"/api/2.0/mlflow/{endpoint}",
            "GET" if json is None else "POST",
            max_retries=0,
            timeout=seconds,
            raise_on_status=False,
            json=json,
        )
    except MlflowException:
        return None
