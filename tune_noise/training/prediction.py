"""A trained model in memory: it predicts encoded inputs, or raw ones as people have them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor, nn

from tune_noise.config.trial import TrialConfig
from tune_noise.data.encoders.protocol import Encoder
from tune_noise.data.scaling import Scaling
from tune_noise.data.sources.new_inputs import arrange_inputs
from tune_noise.data.sources.raw import RawForm
from tune_noise.errors import DataError
from tune_noise.metrics.evaluation import EVALUATION_BATCH, average_folds, predict_logits

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a model predicts of N inputs.

    Attributes:
        labels: int64 [N], by the average of the networks' probabilities.
        probability: float32 [N], of that class.
        by_network: int64 [P, N], what each network predicts on its own.
        probabilities: float32 [N, K] of all classes; None where they were not asked for.
        class_names: the K words for the classes; their numbers where they have no names.
    """

    labels: np.ndarray
    probability: np.ndarray
    by_network: np.ndarray
    probabilities: np.ndarray | None
    class_names: tuple[str, ...]

    @property
    def words(self) -> np.ndarray:
        """The name of each predicted class, object [N]."""
        return np.asarray(np.array(self.class_names, object)[self.labels])

    def to_frame(self, index: Any = None, *, each_network: bool = False) -> "pd.DataFrame":
        """Return the columns `predicted_label`, `probability` and those asked for.

        These are `probability_NAME` for each class and `network_1`, ... for each network.
        """
        import pandas as pd

        columns = {"predicted_label": self.words, "probability": self.probability}
        if self.probabilities is not None:
            names = [f"probability_{name}" for name in self.class_names]
            columns |= dict(zip(names, self.probabilities.T, strict=True))
        if each_network:
            words = np.array(self.class_names, object)[self.by_network]
            columns |= {f"network_{number}": row for number, row in enumerate(words, start=1)}
        return pd.DataFrame(columns, index=index)


@dataclass(frozen=True, eq=False)
class SavedModel:
    """The networks of one trial, ready to predict.

    Attributes:
        config: what was trained.
        network: its P networks as a stack.
        about: everything in config.json: data facts, metrics, versions.
        form: what raw inputs look like.
        encoder: what makes inputs of raw ones; None where they are used as they come.
        warnings: sentences about what is not as it was when the model was trained.
    """

    config: TrialConfig
    network: nn.Module
    about: Mapping[str, Any]
    form: RawForm
    encoder: Encoder | None = None
    warnings: tuple[str, ...] = ()

    def predict_raw(
        self, inputs: Any, *, probabilities: bool = False, each_network: bool = False
    ) -> "pd.DataFrame":
        """Return the predicted class of each raw input in words, with its probability.

        Args:
            inputs: like the training data: a DataFrame with the columns of a table, of features,
                of texts or of paths; a list of texts, or of paths of pictures; an array of
                features or pixels.
            probabilities: whether to add a column `probability_NAME` for each class.
            each_network: whether to add a column `network_1`, ... with what each network predicts.

        Returns:
            A DataFrame of N rows, with the index of the inputs, and the columns `predicted_label`
            and `probability`.

        Raises:
            DataError: the inputs are not like those of training; all problems are listed at once.
        """
        import pandas as pd

        predictions = self.predictions(arrange_inputs(inputs, self.form), keep_all=probabilities)
        index = inputs.index if isinstance(inputs, pd.DataFrame | pd.Series) else None
        return predictions.to_frame(index, each_network=each_network)

    def predictions(self, raw: Any, *, keep_all: bool = False) -> Predictions:
        """Predict raw inputs, which are encoded in blocks.

        Args:
            raw: as `RawSplit.inputs`, of the kind of the training data.
            keep_all: whether to keep the probabilities of all classes.

        Raises:
            DataError: there are no inputs, or the encoder or the networks refuse them.
        """
        if len(raw) == 0:
            raise DataError("there are no inputs to predict")
        labels, probability, by_network, kept = [], [], [], []
        for start in range(0, len(raw), EVALUATION_BATCH):
            block = slice(start, start + EVALUATION_BATCH)
            logits = self._logits(self.encode(raw[block]))
            chances = logits.softmax(dim=2).mean(dim=0).numpy()
            labels.append(chances.argmax(axis=1))
            probability.append(chances.max(axis=1))
            by_network.append(logits.argmax(dim=2).numpy())
            if keep_all:
                kept.append(chances)
        return Predictions(
            np.concatenate(labels),
            np.concatenate(probability),
            np.concatenate(by_network, axis=1),
            np.concatenate(kept) if keep_all else None,
            self.class_names,
        )

    def encode(self, raw: Any) -> np.ndarray:
        """Return a block of raw inputs as the networks take them; see `predict_probabilities`.

        Raises:
            DataError: the encoder refuses the inputs, or fails.
        """
        if self.encoder is None:
            return np.asarray(raw)
        try:
            return np.asarray(self.encoder.encode(raw))
        except (DataError, MemoryError):
            raise
        except Exception as error:  # whatever the user's code, or a library, may raise
            text = " ".join(str(error).split())[:300]
            raise DataError(f"the encoder fails: {type(error).__name__}: {text}") from error

    def predict_probabilities(self, inputs: np.ndarray) -> np.ndarray:
        """Return the average predicted probabilities of the networks.

        Args:
            inputs: uint8 [N, C, H, W] or float32 [N, D], as the networks were trained on.

        Returns:
            float32 [N, K].

        Raises:
            DataError: the inputs have another shape or type.
        """
        return self._logits(inputs).softmax(dim=2).mean(dim=0).numpy()

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        """Return the predicted classes, int64 [N]; see `predict_probabilities`."""
        return np.asarray(self.predict_probabilities(inputs).argmax(axis=1), dtype=np.int64)

    def predict_each(self, inputs: np.ndarray) -> np.ndarray:
        """Return what each network predicts on its own, int64 [P, N].

        The recorded `test_accuracy_clean` is the mean of their accuracies; that of `predict` is
        `test_accuracy_clean_ensemble`. With one network all are the same.
        """
        return np.asarray(self._logits(inputs).argmax(dim=2).numpy(), dtype=np.int64)

    def _logits(self, inputs: np.ndarray) -> Tensor:
        """Return the logits, float [P, N, K], on the CPU."""
        expected = self.input_shape
        kind, dtype = ("features", "float32") if len(expected) == 1 else ("images", "uint8")
        if inputs.dtype != dtype or inputs.shape[1:] != expected:
            given = f"{inputs.dtype} {list(inputs.shape)}"
            raise DataError(
                f"{kind} must be {dtype} [N, {', '.join(map(str, expected))}]: got {given}"
            )
        mean, std = (np.array(self.about[name], np.float32) for name in ("mean", "std"))
        scaling = Scaling(mean, std, unit=self.config.scaling == "unit")
        logits = predict_logits(self.network, scaling.resident(inputs, "cpu"))
        folds, networks = self.config.num_folds, self.config.num_networks
        return average_folds(logits, num_folds=folds, num_networks=networks).squeeze(0)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of an input: (C, H, W) of a picture, (D,) of features."""
        return tuple(map(int, self.about["input_shape"]))  # JSON may write 8.0

    @property
    def class_names(self) -> tuple[str, ...]:
        """The words for the K classes; their numbers where they have no names."""
        names = self.about.get("class_names")
        return tuple(names or map(str, range(self.about["num_classes"])))
