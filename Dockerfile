# ragbot on a CPU: the server, both web interfaces, and the bundled models. Nothing is fetched when it runs.
#
#   docker build -t ragbot .
#   docker build -t ragbot --build-arg EXTRAS=hf,bundled-llm,server,ui .    # with torch: other models
#
# See docs/deploying.md.
ARG PYTHON=python:3.12-slim-bookworm

FROM ${PYTHON} AS build
# What runs in a container: no torch (2 GB), no training, no benchmarks.
ARG EXTRAS=bundled-llm,openai,chroma,ui,ocr,tables,web,mcp,server,otel
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/ragbot && /opt/ragbot/bin/pip install --quiet --upgrade "pip>=26"
WORKDIR /src
# The packages first: a change of ragbot's own code leaves their layer as it is.
COPY pyproject.toml setup.py MANIFEST.in constraints.txt README.md LICENSE NOTICE ./
COPY deploy/requirements.py deploy/
RUN /opt/ragbot/bin/python deploy/requirements.py "${EXTRAS}" > /tmp/requirements.txt \
 && /opt/ragbot/bin/pip install --quiet --requirement /tmp/requirements.txt --constraint constraints.txt
COPY ragbot ragbot
COPY agents agents
COPY ingest ingest
COPY apps apps
COPY eval eval
COPY data/adapters data/adapters
RUN /opt/ragbot/bin/pip install --quiet --no-deps . \
 && RAGBOT_CACHE_DIR=/cache /opt/ragbot/bin/ragbot models build

FROM ${PYTHON}
COPY --from=build /opt/ragbot /opt/ragbot
RUN useradd --uid 10001 --user-group --shell /usr/sbin/nologin --create-home --home-dir /home/ragbot ragbot \
 && install --directory --owner ragbot --group ragbot --mode 700 /data
# A new volume begins as a copy of this: the bundled models are built already.
COPY --from=build --chown=ragbot:ragbot /cache /data/cache
ENV PATH=/opt/ragbot/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    RAGBOT_CACHE_DIR=/data/cache \
    RAGBOT_DATA_DIR=/data \
    RAGBOT_SERVER__HOST=0.0.0.0 \
    RAGBOT_UI__HOST=0.0.0.0 \
    HEALTH_URL=http://127.0.0.1:8080/healthz
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8080 7860
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=4 \
  CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(os.environ['HEALTH_URL'], timeout=4)"]
ENTRYPOINT ["ragbot"]
CMD ["serve"]
