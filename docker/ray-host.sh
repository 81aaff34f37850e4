#!/bin/bash
# What `ray up` runs on every host: docker/cluster.yaml and docker/cluster-cloud.yaml name it.
#
#   ray-host.sh install [NAME=VALUE ...]   install the package; the settings go into the environment
#   ray-host.sh start COMMAND ...          end what this cluster runs here, then start Ray
#   ray-host.sh stop                       end what this cluster runs here, and nothing else
#   ray-host.sh down                       the same on the workers, if this is the head, and here
#
# PYTHON=... makes the environment (default python3; 3.11 or later); VENV=... is one that exists
# already and holds the package. All other settings are exported, to pip as well.
set -euo pipefail
folder=$(cd "$(dirname "$0")" && pwd)
temporary=/tmp/tune_noise-$(id -u)  # short: the paths of sockets have a limit

install_package() {
    local python=python3 venv=$folder/venv setting
    chmod 600 "$folder/ray_token"
    # RAY_ADDRESS: while the cluster is down nothing answers; `auto` would join any Ray there is.
    {
        echo "export RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH=$folder/ray_token"
        echo "export RAY_TMPDIR=$temporary"
        echo "export RAY_ADDRESS=\$(cat \$RAY_TMPDIR/ray/ray_current_cluster 2> /dev/null || echo 127.0.0.1:6399)"
        echo "export RAY_USAGE_STATS_ENABLED=0 MLFLOW_DISABLE_TELEMETRY=true DO_NOT_TRACK=true"
        echo "export PYTHONSAFEPATH=1  # no file in the home folder stands in for a module"
        for setting in "$@"; do
            case $setting in
                PYTHON=*) python=${setting#*=} ;;
                VENV=*) venv=${setting#*=} ;;
                *=*) printf 'export %q\n' "$setting" ;;
                *) echo "ray-host.sh: $setting: must be NAME=VALUE" >&2; exit 2 ;;
            esac
        done
        echo "export PATH=$folder/bin:$venv/bin:\$PATH"
    } > "$folder/environment"
    # `ray down` calls `ray stop` on the head, which would end every Ray process of that host.
    mkdir -p "$folder/bin"
    printf '#!/bin/sh\n[ "${1:-}" = stop ] && exec %s down\nexec %s "$@"\n' \
        "$folder/ray-host.sh" "$venv/bin/ray" > "$folder/bin/ray"
    chmod 755 "$folder/bin/ray"
    local line=". $folder/environment"
    grep -qsxF "$line" ~/.bashrc || echo "$line" >> ~/.bashrc
    . "$folder/environment"
    if [ "$venv" = "$folder/venv" ]; then
        "$python" -m venv "$venv"
        "$venv/bin/pip" install -q -c "$folder/source/constraints.txt" "$folder/source[cluster,postgres]"
    fi
    "$venv/bin/python" -c "import ray, tune_noise.search"
}

# Every process of the cluster inherits this mark. Some write their title over it (Ray's agents);
# they descend from one that has it.
mark=TUNE_NOISE_CLUSTER=$folder

cluster_processes() {
    # Some processes end while this looks at them: grep calls that an error.
    local marked
    marked=$({ grep -lszxF "$mark" /proc/[0-9]*/environ || true; } | cut -d/ -f3)
    ps -e -o pid= -o ppid= | awk -v marked="$marked" '
        BEGIN { count = split(marked, list); for (i = 1; i <= count; i++) ours[list[i]] = 1 }
        { parent[$1] = $2 }
        END {
            for (each in parent) {
                pid = each
                while (pid in parent && !(pid in ours)) pid = parent[pid]
                if (pid in ours) print each
            }
        }'
}

not_ended() {
    [ $# -gt 0 ] || return 0
    { ps -o pid= -o stat= -p "$(IFS=,; echo "$*")" || true; } | awk '$2 !~ /^Z/ { print $1 }'
}

stop() {
    local signal pids=""
    rm -f "$temporary/ray/ray_current_cluster"
    for signal in TERM $(printf '0 %.0s' {1..50}) KILL KILL KILL; do
        # A child whose parent has ended is known from before. One word each:
        # shellcheck disable=SC2046,SC2086
        pids=$(not_ended $pids $(cluster_processes))
        [ -n "$pids" ] || return 0
        # shellcheck disable=SC2086
        kill "-$signal" $pids 2> /dev/null || true
        sleep 0.2
    done
    # shellcheck disable=SC2086
    pids=$(not_ended $pids)
    [ -z "$pids" ] || { echo "ray-host.sh: these processes cannot be ended: $pids" >&2; return 1; }
}

# Ray leaves the workers of a local provider to find out for themselves that their head is gone.
stop_workers() {
    [ -f ~/ray_bootstrap_config.yaml ] || return 0
    local host list='
import json, pathlib
config = json.loads((pathlib.Path.home() / "ray_bootstrap_config.yaml").read_text())
for ip in config["provider"].get("worker_ips", []):
    print(config["auth"]["ssh_user"] + "@" + ip)'
    . "$folder/environment"
    while read -r host; do
        ssh -n -q -i ~/ray_bootstrap_key.pem -o BatchMode=yes -o ConnectTimeout=20 \
            -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
            "$host" "${folder#"$HOME/"}/ray-host.sh stop" \
            || echo "ray-host.sh: $host: its Ray could not be stopped" >&2 &
    done < <(python -c "$list")
    wait
}

start() {
    stop
    . "$folder/environment"
    unset RAY_ADDRESS
    install -d -m 700 "$RAY_TMPDIR"
    [ -O "$RAY_TMPDIR" ] || { echo "ray-host.sh: $RAY_TMPDIR belongs to another user" >&2; exit 1; }
    export "${mark?}"
    ulimit -n 65536 2> /dev/null || ulimit -n "$(ulimit -Hn)"
    # The address by which this host is reached; Ray would ask which one leads to the Internet.
    local address
    address=$(cut -d' ' -f3 <<< "$SSH_CONNECTION")
    exec "$@" --node-ip-address="$address"
}

command=${1:?ray-host.sh: say install, start, stop or down}
shift
case $command in
    install) install_package "$@" ;;
    start) start "$@" ;;
    stop) stop ;;
    down) stop_workers; stop ;;
    *) echo "ray-host.sh: $command: must be install, start, stop or down" >&2; exit 2 ;;
esac
