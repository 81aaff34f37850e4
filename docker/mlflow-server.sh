#!/bin/sh
# Run the MLflow server; secrets come from files and stay out of the command line.
#
#   POSTGRES_PASSWORD_FILE       password of the database
#   MLFLOW_ARTIFACTS             where artifacts lie: a folder, or s3://BUCKET
#   MLFLOW_ADMIN_PASSWORD_FILE   if given, users must log in: this is the password of `admin`
set -eu
export MLFLOW_BACKEND_STORE_URI="$(python - <<'PYTHON'
import os
from pathlib import Path
from urllib.parse import quote

password = Path(os.environ["POSTGRES_PASSWORD_FILE"]).read_text().strip()
print(f"postgresql+psycopg2://mlflow:{quote(password, safe='')}@postgres:5432/mlflow")
PYTHON
)"
set -- --host=0.0.0.0 --port=5000 --workers="${MLFLOW_WORKERS:-2}" \
    --artifacts-destination="${MLFLOW_ARTIFACTS:-/artifacts}" "$@"
if [ -n "${MLFLOW_ADMIN_PASSWORD_FILE:-}" ]; then
    MLFLOW_AUTH_ADMIN_USERNAME=admin
    MLFLOW_AUTH_ADMIN_PASSWORD=$(cat "$MLFLOW_ADMIN_PASSWORD_FILE")
    MLFLOW_FLASK_SERVER_SECRET_KEY=$(cat "$MLFLOW_SECRET_KEY_FILE")
    MLFLOW_AUTH_CONFIG_PATH=/tmp/basic_auth.ini
    export MLFLOW_AUTH_ADMIN_USERNAME MLFLOW_AUTH_ADMIN_PASSWORD
    export MLFLOW_FLASK_SERVER_SECRET_KEY MLFLOW_AUTH_CONFIG_PATH
    # A search sends thousands of requests: a password once found right counts for a minute.
    (umask 077; cat > "$MLFLOW_AUTH_CONFIG_PATH" << INI
[mlflow]
default_permission = NO_PERMISSIONS
database_uri = $(echo "$MLFLOW_BACKEND_STORE_URI" | sed 's/%/%%/g')
auth_cache_ttl_seconds = 60
INI
    )
    set -- --app-name=basic-auth "$@"
fi
exec mlflow server "$@"
