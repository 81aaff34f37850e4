"""Fuzz what reads files of unknown origin, guided by coverage.

    python benchmarks/fuzz.py space --minutes 20
    python benchmarks/fuzz.py npz --minutes 20 --memory-limit 1024 --corpus corpus/npz
    python benchmarks/fuzz.py space --replay fuzz_findings/space-crash-0a1b...

Whatever the bytes are, the answer must be a valid object or the one clear error of its reader; any
other exception, a hang (--timeout) and too much memory (--memory-limit) are findings. What was
found is left in `fuzz_findings/`, and --replay runs it again without the fuzzer.

Needs atheris (libFuzzer for Python): pip install "tune-noise[fuzz]". See `fuzz_targets/` for what
is run on the bytes.
"""

import argparse
import importlib
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import traceback
import warnings
from pathlib import Path
from typing import Any

FINDINGS = Path("fuzz_findings")
# Name -> its module in fuzz_targets.
TARGETS = {
    **{"space": "space", "npz": "npz", "checkpoint": "tensors", "model": "tensors"},
    **{"csv": "tables", "jsonl": "tables", "parquet": "tables"},
    "pictures": "pictures",
}
SHARED_MEMORY = Path("/dev/shm")
# The package's own modules and the Python that it gives the bytes to.
INSTRUMENTED = ["tune_noise", "yaml", "zipfile", "PIL"]


def main() -> int:
    arguments = parse_arguments()
    if arguments.replay:
        return replay(arguments.target, arguments.replay)
    if importlib.util.find_spec("atheris") is None:
        sys.exit('error: the fuzzer is not installed: pip install "tune-noise[fuzz]"')
    if arguments.child:
        return fuzz(arguments)
    return report(arguments)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--timeout", type=int, default=20, help="seconds for one input")
    parser.add_argument("--memory-limit", type=int, default=2048, help="MiB of the process")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--corpus", type=Path, help="kept between runs; default: a temporary one")
    parser.add_argument("--replay", type=Path, nargs="+", help="run these files, nothing else")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def replay(target_name: str, files: list[Path]) -> int:
    """Run inputs as they are and show what comes of them."""
    target = load_target(target_name)
    no_warnings()
    failed = 0
    for file in files:
        try:
            target.run(file.read_bytes())
        except Exception:
            failed += 1
            traceback.print_exc()
        else:
            print(f"{file}: nothing to complain of")
    return 1 if failed else 0


def load_target(name: str) -> Any:
    return getattr(importlib.import_module(f"fuzz_targets.{TARGETS[name]}"), name.upper())


def fuzz(arguments: argparse.Namespace) -> int:
    """The fuzzing process itself: libFuzzer ends it, so nothing can be said after it."""
    import atheris

    sys.modules.pop("zipfile", None)  # imported by atheris already, and then not instrumented
    with atheris.instrument_imports(include=INSTRUMENTED, enable_loader_override=False):
        target = load_target(arguments.target)
    corpus = arguments.corpus
    for number, seed in enumerate(target.seeds()):
        (corpus / f"seed-{number}").write_bytes(seed)
    options = [
        f"-max_total_time={round(arguments.minutes * 60)}",
        f"-timeout={arguments.timeout}",
        f"-rss_limit_mb={arguments.memory_limit}",
        f"-seed={arguments.seed}",
        f"-artifact_prefix={arguments.child}/",
        f"-max_len={target.max_bytes}",
        "-print_final_stats=1",
        str(corpus),
    ]
    if target.words:
        dictionary = arguments.child / "words.txt"
        dictionary.write_text("".join(f'"{quoted(word)}"\n' for word in target.words))
        options.insert(0, f"-dict={dictionary}")
    no_warnings()
    mutators = {} if target.mutate is None else {"custom_mutator": target.mutate}
    atheris.Setup([sys.argv[0], *options], target.run, **mutators)
    atheris.Fuzz()
    return 0


def no_warnings() -> None:
    """A warning of a library is a finding, too: nobody asked to see it."""
    warnings.simplefilter("error")
    warnings.simplefilter("ignore", ResourceWarning)  # of the folder of inputs, at the end


def quoted(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


def report(arguments: argparse.Namespace) -> int:
    """Run the fuzzing process, keep what it finds, and say the figures."""
    # In memory where there is such a folder: a file is written for every input.
    in_memory = SHARED_MEMORY if SHARED_MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(dir=in_memory) as scratch:
        found = Path(scratch) / "found"
        found.mkdir()
        corpus = arguments.corpus or Path(scratch) / "corpus"
        corpus.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, *sys.argv, f"--child={found}", f"--corpus={corpus}"]
        environment = os.environ | {"TMPDIR": scratch}
        process = subprocess.Popen(
            command, env=environment, stderr=subprocess.PIPE, text=True, errors="replace"
        )
        assert process.stderr is not None
        lines = []
        for line in process.stderr:
            lines.append(line)
            if is_worth_a_look(line):
                print(line, end="", file=sys.stderr)
        code = process.wait()
        kept = keep(arguments.target, found)
        size = len(list(corpus.iterdir()))
    text = "".join(lines)
    print(
        f"target {arguments.target}: {arguments.minutes:g} minutes asked for, "
        f"{last(r'stat::number_of_executed_units: *([0-9]+)', text)} executions, "
        f"{last(r'cov: ([0-9]+)', text)} edges and {last(r'ft: ([0-9]+)', text)} features "
        f"covered, {size} inputs in the corpus, "
        f"{last(r'stat::slowest_unit_time_sec: *([0-9]+)', text)} s for the slowest, "
        f"{last(r'stat::peak_rss_mb: *([0-9]+)', text)} MiB at most, {len(kept)} findings"
    )
    for path in kept:
        print(f"  python {sys.argv[0]} {arguments.target} --replay {path}")
    if code != 0 and not kept:
        print("".join(lines[-40:]), file=sys.stderr)
    return 1 if kept or code != 0 else 0


def keep(target: str, found: Path) -> list[Path]:
    """Move the inputs that failed to where the user finds them."""
    kept = []
    for path in sorted(found.iterdir()):
        if path.name.startswith(("crash-", "timeout-", "oom-", "leak-")):
            FINDINGS.mkdir(exist_ok=True)
            kept.append(FINDINGS / f"{target}-{path.name}")
            kept[-1].write_bytes(path.read_bytes())
    return kept


def is_worth_a_look(line: str) -> bool:
    """Not every new input, but each pulse, and all that is said about a finding."""
    return not re.match(
        r"#\d+\s+(NEW|REDUCE|RELOAD)|INFO: |WARNING: |###### |\".*# Uses|stat::", line
    )


def last(pattern: str, text: str) -> str:
    found = re.findall(pattern, text)
    return found[-1] if found else "?"


if __name__ == "__main__":
    sys.exit(main())
