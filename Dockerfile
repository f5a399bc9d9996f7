# The studio in one image, for the web server and for the worker. README.md, "Deploying", says how to run it.
# compose.yaml gives this image by digest, as a build argument.
ARG PYTHON=docker.io/library/python:3.11-slim-bookworm

FROM ${PYTHON} AS packages
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv /opt/studio
COPY .ci/requirements/app.txt /tmp/app.txt
RUN /opt/studio/bin/python -m pip install --quiet --require-hashes -r /tmp/app.txt \
 && /opt/studio/bin/python -m pip uninstall --quiet --yes pip setuptools \
 && find /opt/studio/lib -type d -name tests -prune -exec rm -rf {} +

FROM ${PYTHON}
RUN groupadd --gid 10001 studio \
 && useradd --uid 10001 --gid studio --no-log-init --home-dir /data --no-create-home --shell /usr/sbin/nologin studio \
 && install -d -o studio -g studio -m 0700 /data
COPY --from=packages /opt/studio /opt/studio
ENV PATH=/opt/studio/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    STUDIO_BIND=0.0.0.0 \
    STUDIO_DATA_DIR=/data \
    STUDIO_STATIC_ROOT=/srv/static
WORKDIR /srv/studio
COPY manage.py ./
COPY static static
COPY templates templates
COPY studio studio
# The secrets of this step are made up in a folder that goes with it.
RUN python -m compileall -q studio \
 && STUDIO_LOCAL=1 STUDIO_DATA_DIR=/tmp/build python manage.py collectstatic --no-input --verbosity 0 \
 && chmod -R a+rX /srv/static && rm -rf /tmp/build
USER 10001:10001
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=15s --start-period=60s --retries=3 CMD ["python", "-m", "studio.control.healthcheck"]
# The worker is the same image with: python manage.py work. Before either starts: python manage.py setup.
CMD ["gunicorn", "-c", "python:studio.control.serving", "studio.wsgi"]
