"""A linking client of our own: it registers a device with WhatsApp and leaves a store that the client library logs in
with.

For what the library can't do: an account that wants a passkey. It says what whatsmeow says, stanza by stanza; where a
sentence of whatsmeow's source is the only description of something, it is named.
"""
