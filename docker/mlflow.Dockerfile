# The MLflow server, with PostgreSQL behind it and artifacts that it serves itself.
FROM python:3.11-slim-bookworm AS base
ENV PYTHONUNBUFFERED=1 \
    PATH=/opt/venv/bin:$PATH

FROM base AS build
COPY constraints.txt /src/
RUN --mount=type=bind,from=wheels,target=/wheels \
    --mount=type=cache,target=/root/.cache/pip \
    python -m venv /opt/venv \
    && pip install --find-links=/wheels -c /src/constraints.txt \
        "mlflow[auth]==3.17.2" psycopg2-binary==2.9.13 boto3==1.44.5

FROM base
RUN useradd --uid 10001 --create-home mlflow \
    && install -d -o 10001 -g 10001 /artifacts
COPY --from=build /opt/venv /opt/venv
COPY docker/mlflow-server.sh /usr/local/bin/
ENV MLFLOW_DISABLE_TELEMETRY=true \
    DO_NOT_TRACK=true
USER 10001
WORKDIR /home/mlflow
EXPOSE 5000
CMD ["mlflow-server.sh"]
