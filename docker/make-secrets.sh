#!/bin/sh
# Make the secrets of docker-compose.yml, once: random, readable by containers, in a folder that
# only you can enter. Those that exist stay as they are.
set -eu
folder=${1:-$(dirname "$0")/secrets}
mkdir -p "$folder"
chmod 700 "$folder"
for name in ray_token postgres_password mlflow_admin_password mlflow_secret_key; do
    [ -s "$folder/$name" ] || od -An -N32 -tx1 /dev/urandom | tr -d ' \n' > "$folder/$name"
    chmod 444 "$folder/$name"
done
