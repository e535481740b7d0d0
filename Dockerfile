# One image for web, worker and beat; the command chooses. Name the package index that holds the build of torch you
# want, for CPU or for your CUDA version: --build-arg TORCH_INDEX=URL. Without one, the default index's build is taken.
FROM python:3.11-slim AS build
ARG TORCH_INDEX=
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app
COPY requirements.txt ./
COPY requirements ./requirements
RUN python -m venv /venv \
 && /venv/bin/pip install ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} -r requirements/torch.txt \
 && /venv/bin/pip install --no-deps -r requirements.txt \
 && /venv/bin/python requirements/structure_editor.py

FROM python:3.11-slim
ARG REVISION=
RUN apt-get update && apt-get install -y --no-install-recommends libxrender1 libxext6 libexpat1 postgresql-client \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --create-home --uid 10001 designlab && install -d -o designlab /data
COPY --from=build /venv /venv
COPY --chown=designlab . /app
WORKDIR /app
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 DESIGNLAB_VAR=/data DESIGNLAB_LOCAL=false DESIGNLAB_REVISION=$REVISION
USER designlab
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
  CMD python -c "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"
# Web. A worker: celery -A designlab worker -Q cpu -c 2; the clock: celery -A designlab beat
CMD ["sh", "-c", "python manage.py migrate --noinput && python manage.py collectstatic --noinput -v 0 && exec gunicorn designlab.wsgi --bind 0.0.0.0:8000 --threads 8"]
