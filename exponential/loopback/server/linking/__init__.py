"""Ways to link a device: by QR code, by pairing code, and with a passkey."""
