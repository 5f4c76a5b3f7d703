# The Flask example with its history, scanned where there is git, run where there is none.
FROM python:3.13-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends git && rm -rf /var/lib/apt/lists/*
COPY . /byline
RUN pip install --no-cache-dir /byline && python /byline/examples/history.py /byline/examples/flask_shop /shop
WORKDIR /shop
RUN byline scan

FROM python:3.13-slim
COPY --from=build /byline /tmp/byline
# Without an instrumentation of the framework there is no trace that a call could be part of.
RUN pip install --no-cache-dir "/tmp/byline[otlp]" flask gunicorn opentelemetry-distro opentelemetry-instrumentation-flask \
    && rm -rf /tmp/byline
COPY --from=build /shop /shop
WORKDIR /shop
RUN rm -rf .git
CMD ["opentelemetry-instrument", "gunicorn", "--bind", "0.0.0.0:8000", "app:app"]
