"""The check before a search: every node sees the output folder and runs the same code."""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import ray
from ray import cloudpickle
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from tune_noise.config.search import SearchConfig
from tune_noise.errors import UserError
from tune_noise.tuning.cluster import on_node
from tune_noise.tuning.cluster.placement import Node, fitting_nodes

# A node that has no process yet starts one, on a busy machine in half a minute.
ANSWER_SECONDS = 60.0
_SHARED = (
    "Every node must see the output folder at the same path: name one on NFS, EFS or a shared "
    "volume that all of them mount by --output or TUNE_NOISE_OUTPUT, or leave --address (and "
    "RAY_ADDRESS) out to use this machine alone."
)
_SAME = (
    "Every node must run the same tune_noise, torch and numpy, and import your own modules: "
    "install the same versions on all of them, or build all nodes from one image."
)


def check_nodes(search: SearchConfig, folder: Path) -> None:
    """Ask every node of the joined cluster that can hold a trial, all at once.

    Args:
        search: what is to run.
        folder: of the search; it is left as it was found, and removed where it was not there.

    Raises:
        UserError: nodes that cannot take part, all of them in one message.
    """
    nodes = fitting_nodes(ray.nodes(), search.resources)
    token = secrets.token_hex(16)
    with _visited(folder):
        (folder / on_node.MARK_FILE).write_text(token, "utf-8")
        try:
            problems = _ask(nodes, folder, token, search.own_versions())
        finally:
            for path in folder.glob(f"{on_node.MARK_FILE}*"):
                path.unlink(missing_ok=True)
    if problems:
        raise UserError(_refusal(problems, len(nodes), folder))


@contextmanager
def _visited(folder: Path) -> Iterator[None]:
    """Have the folder exist inside, and remove what had to be made of it at the end."""
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise UserError(
            f"--output: {folder} cannot be written ({error.strerror or error}): choose another one"
        ) from None
    finally:
        for path in made:
            with suppress(OSError):
                path.rmdir()


def _ask(
    nodes: Sequence[Node], folder: Path, token: str, own: dict[str, dict[str, str]]
) -> dict[str, str | None]:
    """Return the name of each node that cannot take part -> why."""
    cloudpickle.register_pickle_by_value(on_node)
    try:
        task = ray.remote(num_cpus=0, max_retries=0)(on_node.answer)
        asked = {
            task.options(
                scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            ).remote(
                str(folder), token, on_node.software(with_source=True), own, node["NodeID"]
            ): node
            for node in nodes
        }
    finally:
        cloudpickle.unregister_pickle_by_value(on_node)
    ray.wait(list(asked), num_returns=len(asked), timeout=ANSWER_SECONDS) if asked else None
    answers = {name_of(node): _answer(ref, node, folder, token) for ref, node in asked.items()}
    return {name: problem for name, problem in answers.items() if problem is not None}


def _answer(reference: ray.ObjectRef, node: Node, folder: Path, token: str) -> str | None:
    try:
        problem: str | None = ray.get(reference, timeout=0)
    except TimeoutError:
        return f"did not answer within {ANSWER_SECONDS:g} s"
    except RayError as error:
        if not any(n["Alive"] for n in ray.nodes() if n["NodeID"] == node["NodeID"]):
            return None  # it has just left, and will hold no trial
        return f"cannot run a task ({str(error).strip().splitlines()[-1]})"
    if problem is not None:
        return problem
    # By its name: a listing of a network file system may be half a minute old.
    path = folder / f"{on_node.MARK_FILE}.{on_node.ANSWER}-{node['NodeID']}"
    try:
        return None if path.read_text("utf-8") == token else f"writes elsewhere than to {folder}"
    except OSError:
        return f"writes elsewhere than to {folder}"


def name_of(node: Node) -> str:
    """Return the address and the host name of a node."""
    return f"{node['NodeManagerAddress']} ({node['NodeManagerHostname']})"


def _refusal(problems: dict[str, str | None], count: int, folder: Path) -> str:
    width = max(map(len, problems))
    lines = [f"{len(problems)} of {count} nodes of the cluster cannot take part; nothing was begun"]
    lines += [f"  {name:<{width}}  {problem}" for name, problem in problems.items()]
    is_about_folder = [str(folder) in str(problem) for problem in problems.values()]
    if any(is_about_folder):
        lines.append(_SHARED)
    if not all(is_about_folder):
        lines.append(_SAME)
    return "\n".join(lines)
