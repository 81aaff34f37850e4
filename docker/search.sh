#!/bin/sh
# Run a search on the cluster from a container that trains nothing itself: a node of no CPU.
set -eu
if [ -n "${MLFLOW_TRACKING_PASSWORD_FILE:-}" ]; then
    MLFLOW_TRACKING_PASSWORD=$(cat "$MLFLOW_TRACKING_PASSWORD_FILE")
    export MLFLOW_TRACKING_PASSWORD
fi
ray start --address="${RAY_HEAD:-ray-head:6379}" --num-cpus=0 --num-gpus=0 --disable-usage-stats \
    > /tmp/ray-start.log 2>&1 || { cat /tmp/ray-start.log >&2; exit 1; }
exec python -m tune_noise.search --address auto "$@"
