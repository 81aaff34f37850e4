#!/bin/sh
# Run one Ray node in the foreground: `ray-node.sh head`, or `ray-node.sh worker HEAD:PORT`.
#
# RAY_AUTH_TOKEN_PATH names the file with the cluster's token. CPUS: how many this node offers;
# without it Ray counts those of the host.
set -eu
if [ -n "${MLFLOW_TRACKING_PASSWORD_FILE:-}" ]; then
    MLFLOW_TRACKING_PASSWORD=$(cat "$MLFLOW_TRACKING_PASSWORD_FILE")
    export MLFLOW_TRACKING_PASSWORD
fi
role=${1:?ray-node.sh: say head or worker}
set -- --block --disable-usage-stats --node-manager-port=6380 ${CPUS:+--num-cpus="$CPUS"}
if [ "$role" = head ]; then
    exec ray start --head --port=6379 --dashboard-host=0.0.0.0 --dashboard-port=8265 "$@"
fi
exec ray start --address="${RAY_HEAD:-ray-head:6379}" "$@"
