# The README's demo, on a CPU: docker build -t antigrad . && docker run --rm -v "$PWD/runs:/app/runs" antigrad
FROM python:3.11-slim

RUN apt-get update \
    && apt-get install -y --no-install-recommends make \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 antigrad \
    && install -d -o antigrad /app

WORKDIR /app
USER antigrad

# What is installed changes seldom, the sources often.
COPY --chown=antigrad pyproject.toml constraints.txt Makefile README.md LICENSE ./
COPY --chown=antigrad src ./src
RUN make .venv/.ready

CMD ["make", "demo"]
