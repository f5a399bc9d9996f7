#!/bin/sh
# The database's second role: studio_app, as which the web server and the worker read and write rows. It owns nothing, so it can change no table, trigger or
# function; the owner, as which this runs, is for manage.py setup alone. The postgres image of compose.yaml runs it at its very first start. On a database
# that is there already: docker compose exec postgres sh /docker-entrypoint-initdb.d/database-roles.sh
# It may run again, for example after the password's file has changed. Elsewhere set the four names below and what psql needs to connect.
set -eu
: "${POSTGRES_USER:=studio}" "${POSTGRES_DB:=studio}" "${APP_ROLE:=studio_app}" "${APP_PASSWORD_FILE:=/run/secrets/database_app_password}"
export APP_PASSWORD_FILE
psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --set app="$APP_ROLE" --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
\set password `cat "$APP_PASSWORD_FILE"`
SELECT format('CREATE ROLE %I', :'app') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'app') \gexec
ALTER ROLE :"app" WITH LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS NOINHERIT PASSWORD :'password';
REVOKE ALL ON DATABASE :"DBNAME" FROM PUBLIC, :"app";
GRANT CONNECT ON DATABASE :"DBNAME" TO :"app";
REVOKE ALL ON SCHEMA public FROM PUBLIC, :"app";
GRANT USAGE ON SCHEMA public TO :"app";
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO :"app";
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO :"app";
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO :"app";
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO :"app";
SQL
