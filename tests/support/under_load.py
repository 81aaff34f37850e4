"""Run tests several times in a row beside two busy loops, as on a machine that others use, too.

`python -m tests.support.under_load` runs the integration tests; arguments are pytest's.
"""

import subprocess
import sys
import time

LOOPS, TIMES = 2, 3
INTEGRATION = ["-m", "not slow", "tests/integration"]


def main() -> int:
    pytest = [sys.executable, "-m", "pytest", *(sys.argv[1:] or INTEGRATION)]
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(LOOPS)]
    results = []
    try:
        for number in range(1, TIMES + 1):
            began = time.monotonic()
            passed = subprocess.run(pytest, check=False).returncode == 0
            minutes = (time.monotonic() - began) / 60
            results.append(f"run {number}: {'passed' if passed else 'FAILED'}, {minutes:.1f} min")
            print(results[-1], flush=True)
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()
    print("\n".join(["", f"beside {LOOPS} busy loops:", *results]))
    return int(any("FAILED" in result for result in results))


if __name__ == "__main__":
    sys.exit(main())
