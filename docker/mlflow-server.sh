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
    umask 077
    export MLFLOW_AUTH_CONFIG_PATH=/tmp/basic_auth.ini
    python - > "$MLFLOW_AUTH_CONFIG_PATH" <<'PYTHON'
import os
from pathlib import Path

password = Path(os.environ["MLFLOW_ADMIN_PASSWORD_FILE"]).read_text().strip()
uri = os.environ["MLFLOW_BACKEND_STORE_URI"].replace("%", "%%").rpartition("/")[0]
print(f"""[mlflow]
default_permission = NO_PERMISSIONS
database_uri = {uri}/mlflow_auth
admin_username = admin
admin_password = {password.replace("%", "%%")}
authorization_function = mlflow.server.auth:authenticate_request_basic_auth""")
PYTHON
    MLFLOW_FLASK_SERVER_SECRET_KEY=$(cat "$MLFLOW_SECRET_KEY_FILE")
    export MLFLOW_FLASK_SERVER_SECRET_KEY
    set -- --app-name=basic-auth "$@"
fi
exec mlflow server "$@"
