"""What the upgrade's test and its recorder share: an installation as an operator runs it."""
