"""Django's PostgreSQL backend on the embedded server: `ENGINE = "leadops.lib.embedded"`."""
