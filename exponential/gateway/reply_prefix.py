"""How a reply of the assistant begins on WhatsApp: so it stands out in "Message yourself", where both sides write from
one account, and no assistant takes it for a message. A worker imports this, so it imports nothing."""

REPLY_PREFIX = "🤖 *Paddy:* "
