"""Find the model that a user names: in a folder, a search, or MLflow's registry."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tune_noise.errors import DataError
from tune_noise.record.folder import WINNERS
from tune_noise.system.files import expand_home
from tune_noise.tracking import check_tracking_uri, default_tracking_uri
from tune_noise.tracking.fetch import REGISTRY_PREFIX, fetch_model
from tune_noise.tracking.uri import OPTION, sqlite_file

_CONFIG = "config.json"


@contextmanager
def model_folder(
    model: str, *, tracking_uri: str | None = None, source: str = OPTION
) -> Iterator[Path]:
    """Yield the folder of a model; one from the registry is removed at the end of the context.

    Args:
        model: `runs/NAME/winners/CONDITION`, `runs/NAME` of a search with one winner, or
            `models:/NAME@ALIAS` and `models:/NAME/VERSION` of MLflow's registry.
        tracking_uri: of MLflow; None: the store in `runs`.
        source: the name of the option or variable, for a message.

    Raises:
        UserError: MLflow cannot be reached.
        DataError: there is no such model, or several are meant.
    """
    if not model.startswith(REGISTRY_PREFIX):
        yield _folder_of(Path(expand_home(model)))
        return
    uri = tracking_uri or default_tracking_uri(Path("runs"))
    check_tracking_uri(uri, source=source)
    file = sqlite_file(uri)
    if file is not None and not file.exists():
        raise DataError(
            f"{model}: there is no MLflow store {file}: say where it is by {OPTION}, e.g. "
            "sqlite:///runs/mlflow.db"
        )
    with TemporaryDirectory(prefix="tune_noise_model_") as folder:
        yield fetch_model(model, tracking_uri=uri, folder=Path(folder))


def _folder_of(path: Path) -> Path:
    """Return the folder itself, or that of the one winner below it."""
    if (path / _CONFIG).exists():
        return path
    if not path.is_dir():
        raise DataError(
            f"--model {path} is not a folder; name one such as runs/NAME/winners/CONDITION, or "
            "models:/NAME@champion of MLflow's registry"
        )
    folders = sorted(
        file.parent for folder in ("", WINNERS) for file in (path / folder).glob(f"*/{_CONFIG}")
    )
    if not folders:
        raise DataError(f"--model {path} holds no model: a search leaves them in its winners/")
    if len(folders) > 1:
        listed = "\n".join(f"  {folder}" for folder in folders)
        raise DataError(f"--model {path} holds {len(folders)} models, name one of them:\n{listed}")
    return folders[0]
