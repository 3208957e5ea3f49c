"""Reading what people write: days, times, time zones, names of records, documents."""
