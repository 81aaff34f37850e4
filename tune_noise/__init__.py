"""tune_noise: which training method, network and hyper-parameters survive noisy labels?

A Ray Tune search over real images with wrong labels, steered by noisy validation labels alone,
confirmed on fresh seeds, compared in MLflow.
"""

from importlib.metadata import version

__version__ = version("tune-noise")
