"""What both services' HTTP servers do alike, whatever they serve."""
