"""Designs side by side and backwards: which of many fit a wish, how they differ, what would do instead."""
