"""Tests of the language. A package, so that its helpers stay its own."""
