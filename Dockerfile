# The front-end files: built apart, so that neither Node nor its packages reach the running image.
FROM node:20-bookworm-slim AS assets
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --no-fund --no-audit
COPY script/assets.mjs script/echarts.mjs script/icons.json script/
COPY templates templates
COPY static static
RUN node script/assets.mjs

FROM python:3.12-slim-bookworm
# pg_dump and pg_restore for backups, gettext for the translations. GDAL and GEOS come with the locked wheels.
RUN apt-get update \
    && apt-get install -y --no-install-recommends gettext postgresql-client \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY requirements.lock ./
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock
COPY . .
COPY --from=assets /app/static/vendor static/vendor
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 STATIC_ROOT=/app/staticfiles MEDIA_ROOT=/data/media
# collectstatic opens no connection, but the settings want their variables.
RUN for po in locale/*/LC_MESSAGES/*.po; do [ ! -f "$po" ] || msgfmt --check-format -o "${po%.po}.mo" "$po"; done \
    && SECRET_KEY=build DATABASE_URL=postgis://app@db/fupin REDIS_URL=redis://redis/0 FIELD_KEYS_FILE=/nowhere \
       python manage.py collectstatic --noinput --verbosity 0 \
    && useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin app \
    && install -d -o app -g app -m 700 /data /data/media
USER app
VOLUME /data
EXPOSE 8000
ENV BIND=0.0.0.0:8000
CMD ["gunicorn", "--config", "deploy/gunicorn.py", "poverty.wsgi:application"]
