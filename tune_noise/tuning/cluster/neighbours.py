"""Several searches on one cluster: each says how much it could use, and takes its fair share."""

from collections.abc import Mapping

import ray

_NAMESPACE = b"tune_noise"
_PREFIX = b"wanted:"


def fair_share(room: int, wanted: Mapping[str, int], own: str) -> int:
    """How many trials a search may have under way: what the modest leave is shared by the rest.

    Args:
        room: trials that the cluster holds.
        wanted: search -> how many trials it could have under way.
        own: the search that asks; alone it has all the room.

    Returns:
        At least 1, so that every search goes on.

    Example:
        >>> fair_share(8, {"a": 3}, "a"), fair_share(8, {"a": 100, "b": 100}, "a")
        (8, 4)
        >>> fair_share(8, {"a": 100, "b": 2}, "a"), fair_share(8, {"a": 100, "b": 2}, "b")
        (6, 2)
    """
    left = room
    for position, name in enumerate(sorted(wanted, key=lambda name: (wanted[name], name))):
        share = min(wanted[name], left // (len(wanted) - position))
        if name != own:
            left -= share
        elif position == len(wanted) - 1:
            share = left
        if name == own:
            return max(1, share)
    raise KeyError(own)


class Neighbours:
    """The searches on the connected cluster, as they say it in the head's key-value store.

    Attributes:
        own: name of this one, its job's.
    """

    def __init__(self) -> None:
        """Nothing is said yet."""
        self._gcs = ray._private.worker.global_worker.gcs_client
        self.own = ray.get_runtime_context().get_job_id()
        self._key = _PREFIX + self.own.encode()

    def say(self, wanted: int) -> dict[str, int]:
        """Say how many trials this search could have under way; what all of them have said."""
        self._gcs.internal_kv_put(self._key, str(wanted).encode(), True, _NAMESPACE)
        found = {self.own: wanted}
        others = set(self._gcs.internal_kv_keys(_PREFIX, _NAMESPACE)) - {self._key}
        if not others:
            return found
        alive = {job["JobID"] for job in ray._private.state.jobs() if not job["IsDead"]}
        for key in others:
            job = key.removeprefix(_PREFIX).decode()
            if job not in alive:
                self._gcs.internal_kv_del(key, False, _NAMESPACE)  # its driver was killed
            elif value := self._gcs.internal_kv_get(key, _NAMESPACE):
                found[job] = int(value)
        return found

    def leave(self) -> None:
        """This search wants nothing any more."""
        self._gcs.internal_kv_del(self._key, False, _NAMESPACE)
