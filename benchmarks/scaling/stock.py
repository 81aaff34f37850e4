"""`python stock.py TRIALS`: Ray Tune as it is; actors are reused, nothing is trained or tracked.

Internal; scale.py starts it. Prints the Unix time of each trial's end, a line each.
"""

import os
import sys
import time

os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"
import ray
from ray import tune


class Nothing(tune.Trainable):
    """One report of one number."""

    def setup(self, config: dict[str, float]) -> None:
        """Called once per actor."""
        self.score = config["lr"]

    def reset_config(self, new_config: dict[str, float]) -> bool:
        """Take up another trial."""
        self.score = new_config["lr"]
        return True

    def step(self) -> dict[str, float | bool]:
        """The only one."""
        return {"score": self.score, "done": True}

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Nothing: Ray wants the method."""

    def load_checkpoint(self, checkpoint: object) -> None:
        """Nothing: Ray wants the method."""


class Ends(tune.Callback):
    """Writes down when each trial ended."""

    def on_trial_complete(self, iteration: int, trials: object, trial: object, **info: object):
        """Called by Ray."""
        print(f"{time.time()} end", flush=True)


def main() -> None:
    ray.init(include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    tune.Tuner(
        tune.with_resources(Nothing, {"cpu": 1}),
        param_space={"lr": tune.loguniform(0.001, 0.1)},
        tune_config=tune.TuneConfig(num_samples=int(sys.argv[1]), reuse_actors=True),
        run_config=tune.RunConfig(
            verbose=0, storage_path=os.path.abspath("stock"), callbacks=[Ends()]
        ),
    ).fit()
    ray.shutdown()


if __name__ == "__main__":
    main()
