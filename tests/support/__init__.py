"""What tests share: servers, browsers, stand-ins and sample data."""
