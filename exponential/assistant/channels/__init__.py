"""How a reply reaches people: rendered, sent, shown as typing."""
