"""Raw inputs are encoded in this process, or on the cluster where that takes long."""

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tune_noise.config.search import SearchConfig
from tune_noise.data.encoders.encoded import Executor
from tune_noise.data.encoders.protocol import Encoder

# Ray takes some 15 s to start here and to end, and its processes as long to import what they need:
# two of them save that much of what takes a minute in one.
CLUSTER_SECONDS = 60.0
# Blocks are encoded here until their time is known.
_TIMED_SECONDS = 2.0


def cluster_executor(search: SearchConfig, *, address: str | None, folder: Path) -> Executor:
    """Return what encodes blocks: the first ones here, and on the cluster if the rest takes long.

    Args:
        search: what is to run on the cluster.
        address: of a running cluster; None starts one on this machine, see `cluster`.
        folder: for the outputs, which all nodes of a running cluster must share.
    """

    def encode(encoder: Encoder, blocks: Iterable[Any], count: int) -> Iterator[np.ndarray]:
        blocks, started = iter(blocks), time.monotonic()
        for done, block in enumerate(blocks, start=1):
            yield encoder.encode(block)
            seconds = time.monotonic() - started
            if seconds > _TIMED_SECONDS and seconds / done * (count - done) > CLUSTER_SECONDS:
                break
        else:
            return
        # Ray takes a second to import.
        from tune_noise.tuning.cluster.connect import cluster
        from tune_noise.tuning.encode import encode_on_cluster

        with cluster(search, address=address, folder=folder):
            yield from encode_on_cluster(encoder, blocks, search.resources)

    return encode
