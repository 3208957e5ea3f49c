"""What every part stands on: settings, errors, clock, log, database, encryption, HTTP server."""
