"""The models of a search in its MLflow experiment: found by their tags, or uploaded."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tune_noise.tracking.entry import CARD_FILE, Entry

# Names modules of ours that MLflow imports to load a model; nothing is unpickled.
LOADER = "tune_noise.training.pyfunc"
# Without the suspects, which show images that were trained on.
MODEL_FILES = ("weights.safetensors", "config.json", CARD_FILE)
# What makes inputs of raw ones, where anything does.
ENCODER_FILES = ("encoder.json", "encoder.safetensors")
# What `LOADER` takes beside the inputs.
PARAMS = ("probabilities", "each_network", "names")
REGISTERED_TAG = "tune_noise.registered"
_NO_NAME = re.compile(r"[^\w=-]+")


class LoggedModels:
    """The models of one experiment.

    Args:
        client: of MLflow.
        experiment_id: MLflow's.
    """

    def __init__(self, client: Any, *, experiment_id: str) -> None:
        self._client = client
        self._experiment_id = experiment_id

    def find_or_make(self, entry: Entry, folder: Path, run_id: str | None) -> Any:
        """Return MLflow's model of an entry, with all its files.

        Args:
            entry: says which.
            folder: of the winner.
            run_id: MLflow's, of the trial whose networks these are.
        """
        model = self._find(entry)
        if model is None:
            model = self._client.create_logged_model(
                self._experiment_id,
                name=_NO_NAME.sub("_", f"{entry.params['method']}-{entry.condition}"),
                source_run_id=run_id,
                tags=entry.key,
                params=entry.params,
                model_type="classifier",
            )
        if run_id is not None:
            self._link(run_id, model.model_id)
        if str(model.status) != "READY":  # an upload may have been cut off
            with TemporaryDirectory(prefix="tune_noise_") as scratch:
                package(entry, folder, Path(scratch) / "model", model)
                self._client.log_model_artifacts(model.model_id, str(Path(scratch) / "model"))
            model = self._client.finalize_logged_model(model.model_id, "READY")
        return model

    def _find(self, entry: Entry) -> Any:
        query = " AND ".join(f"tags.`{name}` = '{value}'" for name, value in entry.key.items())
        # A model that was registered comes first, then one that is whole.
        models = sorted(
            self._client.search_logged_models([self._experiment_id], query),
            key=lambda m: (not self.was_registered(m), str(m.status) != "READY", m.model_id),
        )
        for late in models[1:]:  # a request whose answer was lost may be served after a second one
            self._client.delete_logged_model(late.model_id)
        return models[0] if models else None

    def _link(self, run_id: str, model_id: str) -> None:
        """Show the model on the page of its run."""
        from mlflow.entities import LoggedModelOutput

        outputs = self._client.get_run(run_id).outputs
        linked = {output.model_id for output in (outputs.model_outputs if outputs else ())}
        if model_id not in linked:
            self._client.log_outputs(run_id, models=[LoggedModelOutput(model_id, step=0)])

    def was_registered(self, model: Any) -> bool:
        """Return whether a version was made of a model; it may have been deleted since."""
        return REGISTERED_TAG in model.tags

    def note_registered(self, version: Any, entry: Entry) -> None:
        """Remember that a version was made, so that it is not made again where it is deleted."""
        model = self._find(entry)
        if model is not None and not self.was_registered(model):
            tag = f"{version.name} version {version.version}"
            self._client.set_logged_model_tags(model.model_id, {REGISTERED_TAG: tag})


def package(entry: Entry, folder: Path, target: Path, model: Any) -> None:
    """Write an MLflow model that loads by tune_noise's own loader.

    Args:
        entry: gives signature, input example and requirements.
        folder: of the winner.
        target: does not exist; made.
        model: MLflow's, which it will be the files of.
    """
    import mlflow.pyfunc
    from mlflow.models import Model

    data = target.with_name("network")
    data.mkdir()
    encoder = [name for name in ENCODER_FILES if (folder / name).exists()]
    for name in (*MODEL_FILES, *encoder):
        shutil.copyfile(folder / name, data / name)
    # MLflow hands on only what a model was saved with a value of.
    config: Mapping[str, str] | None = {"own_network": ""} if entry.own_network else None
    mlflow.pyfunc.save_model(
        target,
        loader_module=LOADER,
        data_path=str(data),
        mlflow_model=Model(
            artifact_path=model.artifact_location,
            model_uuid=model.model_id,
            model_id=model.model_id,
            run_id=model.source_run_id,
        ),
        signature=_signature(entry),
        input_example=_example(entry),
        pip_requirements=entry.requirements,
        model_config=config,
    )


def _example(entry: Entry) -> Any:
    import numpy as np
    import pandas as pd

    if not entry.columns:
        return np.array([entry.example], dtype=entry.input_type)
    numbers = [name for name, type_ in entry.columns.items() if type_ != "string"]
    frame = pd.DataFrame([entry.example], columns=list(entry.columns))
    return frame.astype(dict.fromkeys(numbers, np.float64))


def _signature(entry: Entry) -> Any:
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema, TensorSpec
    from mlflow.types.schema import AnyType

    if entry.columns:
        inputs = [
            ColSpec(AnyType() if type_ == "any" else type_, name)
            for name, type_ in entry.columns.items()
        ]
        outputs = [ColSpec("string", "predicted_label"), ColSpec("float", "probability")]
    else:
        inputs = [TensorSpec(np.dtype(entry.input_type), (-1, *entry.input_shape))]
        outputs = [TensorSpec(np.dtype("int64"), (-1,))]
    return ModelSignature(
        inputs=Schema(inputs),
        outputs=Schema(outputs),
        params=ParamSchema([ParamSpec(name, "boolean", False) for name in PARAMS]),
    )
