"""The index of layers is what the families define. With LAYERCLI_UPDATE the session begins by writing it anew."""

from __future__ import annotations

from tests.layers.write_index import INDEX, written


def test_the_index_is_what_the_families_define() -> None:
    assert INDEX.read_text("utf-8") == written(), "run LAYERCLI_UPDATE=1 pytest tests/layers/test_index.py"
