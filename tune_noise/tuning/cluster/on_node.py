"""The checks of a node before a search, run on that node, which may lack this package.

The functions travel by value, so they need the standard library alone, until the node has said that
it runs the same tune_noise.
"""

from pathlib import Path

# In the output folder: what a driver leaves there for the nodes to find.
MARK_FILE = ".shared"
ANSWER = "node"


def software(*, with_source: bool) -> dict[str, str]:
    """Return the packages that decide results, and must be the same everywhere -> their versions.

    Of torch it is the version without its build, so that nodes with GPUs and nodes without may
    train together.

    Args:
        with_source: of tune_noise also a hash of its source: two checkouts of one version may
            differ.

    Raises:
        ImportError: tune_noise is not installed here.
    """
    import hashlib
    from importlib.metadata import version
    from importlib.util import find_spec

    spec = find_spec("tune_noise")
    if spec is None or spec.origin is None:
        raise ImportError("No module named 'tune_noise'")
    versions = {name: version(name).partition("+")[0] for name in ("torch", "numpy")}
    if not with_source:
        return {"tune_noise": version("tune-noise"), **versions}
    root = Path(spec.origin).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(str(path.relative_to(root)).encode() + path.read_bytes())
    return {"tune_noise": f"{version('tune-noise')} (source {digest.hexdigest()[:8]})", **versions}


def software_problem(expected: dict[str, str], *, with_source: bool) -> str | None:
    """Return in which packages this node differs from the driver; None: in none."""
    try:
        versions = software(with_source=with_source)
    except ImportError as error:
        return f"cannot import tune_noise ({error})"
    differing = [name for name in expected if versions[name] != expected[name]]
    if not differing:
        return None
    runs, here = (", ".join(f"{n} {v[n]}" for n in differing) for v in (versions, expected))
    return f"runs {runs}; the driver runs {here}"


def own_problem(own: dict[str, dict[str, str]]) -> str | None:
    """Return which of a user's own classes this node cannot use, or has in another version.

    Args:
        own: `SearchConfig.own_versions` on the driver.
    """
    from tune_noise.config import declared
    from tune_noise.declaration import DeclarationError

    for key, expected in own.items():
        field, _, name = key.partition(" ")
        try:
            here = declared.origin(field, name)
        except DeclarationError as error:
            return f"cannot use {field} {error}"
        if here != expected:
            there = ", ".join(expected.values())
            return f"has {field} {name} of {', '.join(here.values())}; the driver has {there}"
    return None


def folder_problem(folder: str, token: str) -> str | None:
    """Return why the output folder is not the driver's; None: it is.

    Raises:
        OSError: the folder is there and cannot be read; that may pass.
    """
    try:
        text = Path(folder, MARK_FILE).read_text("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        missing = "the driver's file in" if Path(folder).is_dir() else "the folder"
        return f"does not see {missing} {folder}"
    if text != token:
        return f"has a folder of its own at {folder}"
    return None


def answer(
    folder: str, token: str, expected: dict[str, str], own: dict[str, dict[str, str]], node_id: str
) -> str | None:
    """Run all checks on this node, and leave an answer in the folder for the driver.

    Returns:
        Why this node cannot take part; None where it can.
    """
    problems = [software_problem(expected, with_source=True)]
    if problems == [None]:
        problems.append(own_problem(own))
    try:
        problems.append(folder_problem(folder, token))
        if problems[-1] is None:
            Path(folder, f"{MARK_FILE}.{ANSWER}-{node_id}").write_text(token, "utf-8")
    except OSError as error:
        problems.append(f"cannot use {folder} ({error.strerror or error})")
    return "; ".join(filter(None, problems)) or None
