"""tsumiki networks as scikit-learn estimators: TsumikiClassifier and TsumikiRegressor.

    from builder import TsumikiClassifier
    model = TsumikiClassifier(layers=[{"type": "Affine", "out_features": 64}, {"type": "ReLU"}], epochs=30)
    model.fit(X, y).predict_proba(X)

Rows of X are samples; with `shape=(C, H, W)` each row is an image, so that a stack can convolve. Both pass every check
of scikit-learn's `check_estimator`, without exceptions (tests/builder/test_estimators.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

if TYPE_CHECKING:
    from .network import Network

HIDDEN: tuple[dict[str, Any], ...] = ({"type": "Affine", "out_features": 32}, {"type": "ReLU"})
"""The stack when none is given."""


class _Estimator(BaseEstimator):
    """What both have: the parameters, and a network that is kept as document and weights."""

    def __init__(
        self,
        layers: Sequence[dict[str, Any]] | None = None,
        shape: Sequence[int] | None = None,
        epochs: int = 100,
        batch_size: int = 32,
        optimizer: str = "Adam",
        learning_rate: float = 0.01,
        weight_decay: float = 0.0,
        threads: int | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        """
        layers         hidden layers as in a document, without head and loss; Affine(32) and ReLU when left out
        shape          shape of one sample for the network, like (1, 8, 8); a row of features when left out
        epochs         passes over the training data
        batch_size     samples in one step
        optimizer      type of the optimizer, as in a document
        learning_rate  size of a step
        weight_decay   pull of the weights towards zero
        threads        threads of the kernels; changes no result
        random_state   fixes weights and order; None draws anew each time
        """
        self.layers = layers
        self.shape = shape
        self.epochs = epochs
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.threads = threads
        self.random_state = random_state

    @property
    def network_(self) -> Network:
        """The trained network, made from document and weights when it is first asked for."""
        check_is_fitted(self, "weights_")
        if "_network" not in self.__dict__:
            from .compile import compile

            self._network = compile(self.document_, threads=self.threads)
            for key, value in self.weights_.items():
                self._network.params[key] = value
        return self._network

    def __getstate__(self) -> dict[str, Any]:
        """Leave the network out: it holds addresses of this process; document and weights make it again."""
        return {key: value for key, value in super().__getstate__().items() if key != "_network"}

    def _document(self, features: int, task: str, end: Sequence[dict[str, Any]]) -> dict[str, Any]:
        optimizer = {"type": self.optimizer, "learning_rate": float(self.learning_rate)}
        layers = HIDDEN if self.layers is None else self.layers
        return {
            "format": 1,
            "name": type(self).__name__,
            "task": task,
            "model": {
                "input": [features] if self.shape is None else [int(size) for size in self.shape],
                "layers": [*(dict(layer) for layer in layers), *end],
            },
            "training": {
                "epochs": self.epochs,
                "batch_size": self.batch_size,
                "optimizer": optimizer,
                "weight_decay": float(self.weight_decay),
                "seed": int(check_random_state(self.random_state).randint(2**31 - 1)),
            },
        }

    def _train(self, x: np.ndarray, t: np.ndarray, task: str, end: Sequence[dict[str, Any]]) -> None:
        """Compile and fit, and keep what was learned."""
        from .compile import compile

        network = compile(self._document(x.shape[1], task, end), threads=self.threads)
        history = network.fit(self._samples(x), t)
        self.document_ = network.document
        self.weights_ = {key: np.array(network.params[key]) for key in network.params}
        self.loss_curve_ = [row["loss"] for row in history]
        self.n_iter_ = len(history)
        self._network = network

    def _samples(self, x: np.ndarray) -> np.ndarray:
        x = np.asarray(x, dtype=np.float32)
        return x if self.shape is None else x.reshape(len(x), *self.shape)

    def _outputs(self, x: Any) -> np.ndarray:
        """Return the network's outputs (N, outputs) for the user's X, as float64."""
        check_is_fitted(self, "weights_")
        rows = validate_data(self, x, reset=False, dtype=np.float64)
        return self.network_.predict(self._samples(rows)).reshape(len(rows), -1).astype(np.float64)


class TsumikiClassifier(ClassifierMixin, _Estimator):
    """A network that predicts classes; its head is Affine(classes), Softmax, CategoricalCrossEntropy.

    After `fit`: classes_, network_, document_, weights_, loss_curve_, n_iter_, n_features_in_.
    """

    def fit(self, X: Any, y: Any) -> TsumikiClassifier:
        """Train on X (N, features) and y (N,). Raises ValueError when the data cannot be used."""
        x, labels = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(labels)
        self.classes_, t = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"A classifier needs at least 2 classes, but y holds only one class: {self.classes_[0]!r}."
            )
        head = {"type": "Affine", "out_features": len(self.classes_)}
        self._train(x, t, "classification", [head, {"type": "Softmax"}, {"type": "CategoricalCrossEntropy"}])
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class, (N, classes), in the order of classes_."""
        values = self._outputs(X)
        return values / values.sum(axis=1, keepdims=True)  # float32's sum is 1 only to seven digits

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable class of each sample, (N,)."""
        values = self._outputs(X)
        return np.asarray(self.classes_[values.argmax(axis=1)])


class TsumikiRegressor(RegressorMixin, _Estimator):
    """A network that predicts one number or several; its head is Affine(outputs), SquaredError.

    Targets are standardised for training, and predictions are in the targets' own units. After `fit`: network_,
    document_, weights_, loss_curve_, n_iter_, n_features_in_.
    """

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def fit(self, X: Any, y: Any) -> TsumikiRegressor:
        """Train on X (N, features) and y (N,) or (N, outputs). Raises ValueError when the data cannot be used."""
        x, targets = validate_data(self, X, y, dtype=np.float64, multi_output=True, y_numeric=True)
        targets = np.asarray(targets, dtype=np.float64)
        self._flat = targets.ndim == 1
        t = targets.reshape(len(targets), -1)
        self.mean_, spread = t.mean(axis=0), t.std(axis=0)
        self.scale_ = np.where(spread > 0, spread, 1.0)
        head = {"type": "Affine", "out_features": t.shape[1]}
        self._train(
            x, ((t - self.mean_) / self.scale_).astype(np.float32), "regression", [head, {"type": "SquaredError"}]
        )
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return the predicted numbers, shaped like y was: (N,) or (N, outputs)."""
        values = self._outputs(X) * self.scale_ + self.mean_
        return values[:, 0] if self._flat else values
