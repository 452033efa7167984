"""Runs a plan with the real torch, in a child process, and says what torch did. The only room that imports torch."""
