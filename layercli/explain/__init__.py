"""Pictures of layers as plain data, computed from the very layer and numbers that were typed; and topics."""
