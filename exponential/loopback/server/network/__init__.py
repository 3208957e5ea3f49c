"""What lies between a client and the server: the proxy, certificates for TLS and Noise, the log of the wire."""
