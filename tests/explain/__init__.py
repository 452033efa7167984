"""Pictures, pages and topics of layercli explain."""
