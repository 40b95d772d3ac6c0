# mcmock in a container: `docker build -t mcmock .`, then `docker run --read-only -p 8410:8410 mcmock`.
# Every option of `mcmock serve` is an environment variable, MCMOCK_…: see docs/configuration.md.
FROM python:3.13-slim AS build
WORKDIR /src
COPY . .
RUN python -m venv /opt/mcmock \
 && /opt/mcmock/bin/pip install --no-cache-dir '.[tls,redis,speed]'

FROM python:3.13-slim
COPY --from=build /opt/mcmock /opt/mcmock
# The only place that is written to: the certificate authority, and a journal if it is asked for.
RUN mkdir --mode=0700 /state && chown 10001:10001 /state
ENV PATH=/opt/mcmock/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    MCMOCK_HOST=0.0.0.0 \
    MCMOCK_STATE_DIR=/state
VOLUME /state
WORKDIR /state
USER 10001:10001
EXPOSE 8410 8443
HEALTHCHECK --interval=5s --timeout=3s --start-period=5s --retries=3 CMD ["mcmock", "ready"]
ENTRYPOINT ["mcmock"]
CMD ["serve"]
