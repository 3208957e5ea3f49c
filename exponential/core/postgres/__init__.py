"""The embedded Postgres that runs when no database URL is given."""
