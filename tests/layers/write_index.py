"""Writes the index of layers from the families: ``python -m tests.layers.write_index``."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

import layercli.layers
from layercli.layers.definition import Layer
from layercli.layers.index import FAMILIES

INDEX = Path(layercli.layers.__file__).parent / "index.py"


def defined() -> dict[str, tuple[str, tuple[Layer, ...]]]:
    """What each file of a family defines: those that the index knows in its order, new ones after them."""
    names = [module.name for module in pkgutil.iter_modules(layercli.layers.__path__)]
    modules = {name: importlib.import_module(f"layercli.layers.{name}") for name in names}
    order = [*(name for name in FAMILIES if name in names), *(name for name in names if name not in FAMILIES)]
    families = [name for name in order if hasattr(modules[name], "FAMILY")]
    return {name: (modules[name].FAMILY, modules[name].layers()) for name in families}


def written() -> str:
    """The index file as it should be."""
    families = defined()
    rows = {
        module: (family, tuple(layer.name if layer.operation else layer.torch for layer in found))
        for module, (family, found) in families.items()
    }
    table = "".join(f"    {row[:-1]},\n" for row in (repr({module: row})[1:] for module, row in rows.items()))
    table = table.replace("'", '"')
    layers = [layer for _, found in families.values() for layer in found]
    short = "".join(f'    "{alias}": "{layer.name}",\n' for layer in layers for alias in layer.aliases)
    head, _, rest = INDEX.read_text("utf-8").partition("] = {\n")
    between, _, rest = rest.partition("}\n")[2].partition("ALIASES: dict[str, str] = {")
    inside = f"\n{short}" if short else ""
    return f"{head}] = {{\n{table}}}\n{between}ALIASES: dict[str, str] = {{{inside}{rest[rest.index('}') :]}"


if __name__ == "__main__":
    INDEX.write_text(written(), "utf-8")
