"""Download a registered model from MLflow into a folder."""

import os
from pathlib import Path

from tune_noise.errors import DataError
from tune_noise.system.masking import mask_password
from tune_noise.tracking import store
from tune_noise.tracking.internals.model_files import find_model_files
from tune_noise.tracking.uri import TELEMETRY_OFF

REGISTRY_PREFIX = "models:/"
# The folder of an MLflow model that holds our own.
DATA_FOLDER = "data"


def fetch_model(model: str, *, tracking_uri: str, folder: Path) -> Path:
    """Download a registered model.

    Args:
        model: `models:/NAME@ALIAS` or `models:/NAME/VERSION`.
        tracking_uri: URI of an MLflow that answers.
        folder: an empty folder, which is filled.

    Returns:
        The folder that `load_model` takes.

    Raises:
        DataError: there is no such model, tune_noise has not registered it, or it cannot be read.
    """
    quiet = TELEMETRY_OFF | {"MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false"}
    for name, value in quiet.items():
        os.environ.setdefault(name, value)
    import mlflow
    from mlflow.exceptions import MlflowException

    store.connect(tracking_uri)
    mlflow.set_tracking_uri(tracking_uri)
    try:
        path = mlflow.artifacts.download_artifacts(artifact_uri=model, dst_path=str(folder))
    except (MlflowException, OSError) as error:
        reason = " ".join(str(error).split())[:300]
        raise DataError(
            mask_password(f"{model} cannot be downloaded from MLflow at {tracking_uri}: {reason}")
        ) from None
    if not any(file.is_file() for file in Path(path).rglob("*")):
        place = find_model_files(model)
        raise DataError(
            mask_password(
                f"{model}: MLflow at {tracking_uri} has its files in {place}, where there are none "
                "(was the folder moved?): move them back there, put mlartifacts beside the SQLite "
                "store, or name the model's own folder, such as runs/NAME/winners/CONDITION"
            )
        )
    folders = [file.parent for file in Path(path).glob(f"{DATA_FOLDER}/*/config.json")]
    if len(folders) != 1:
        raise DataError(f"{model} is not a model that tune_noise has registered")
    return folders[0]
