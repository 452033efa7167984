"""From a report to what people and programs read: one small module per form, one layout for all that are read."""
