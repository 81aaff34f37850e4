"""Run a script as if packages were not installed: `blocked.py ray,optuna SCRIPT ARGUMENT ...`."""

import runpy
import sys
from pathlib import Path


class Blocker:
    """Refuses to find some packages."""

    def __init__(self, names: set[str]) -> None:
        self.names = names

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name.partition(".")[0] in self.names:
            raise ImportError(f"{name} is not installed")


if __name__ == "__main__":
    names, script, *arguments = sys.argv[1:]
    sys.meta_path.insert(0, Blocker(set(names.split(","))))
    sys.argv = [script, *arguments]
    sys.path[0] = str(Path(script).parent)
    runpy.run_path(script, run_name="__main__")
