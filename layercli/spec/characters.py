"""Characters that no spec may hold, named, with what to type instead. Only read when one was met."""

from __future__ import annotations

__all__ = ["explain"]

_ASCII_FIXES = {
    "[": "write a tuple in parentheses, such as (3,5)",
    "]": "write a tuple in parentheses, such as (3,5)",
    "{": "write a group in parentheses, such as 2*(conv2d 8 | relu)",
    "}": "write a group in parentheses, such as 2*(conv2d 8 | relu)",
    '"': "leave the quotes out: a word stands as it is",
    "'": "leave the quotes out: a word stands as it is",
    "`": "leave the quotes out: a word stands as it is",
    "\\": 'leave it out: a step may go on after "|" on the next line',
    "\r": "end the line with a newline",
    "\f": "end the line with a newline",
    "\v": "end the line with a newline",
    ">": 'write "|" between two steps',
    "&": 'write "|" between two steps',
    "?": "write the value itself",
}

_TYPED_AS = {
    "\u00d7": "x",
    "\u00a6": "|",
    "\u01c0": "|",
    "\u2223": "|",
    "\u2502": "|",
    "\u2212": "-",
    "\u2217": "*",
    "\u22c5": "*",
    "\u2236": ":",
    "\u2215": "/",
    "\u3001": ",",
    # Cyrillic and Greek letters that look like Latin ones
    **dict(zip("\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u043a\u0456\u0455", "aeopcyxkis", strict=True)),
    **dict(zip("\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0425", "ABEKMHOPCTX", strict=True)),
    **dict(zip("\u03bf\u03bd\u0391\u0392\u039a\u039d\u039f\u03a1\u03a4\u03a7", "ovABKNOPTX", strict=True)),
}


def explain(char: str) -> tuple[str, str]:
    """The character's name, in ASCII, and one thing to do about it."""
    code = ord(char)
    if 0x20 < code < 0x7F:
        return f"the character {char}", _ASCII_FIXES.get(char, "remove it")
    import unicodedata

    name = unicodedata.name(char, "")
    if not name:
        category = unicodedata.category(char)
        name = {"Cc": "a control character", "Cs": "half of a surrogate pair"}.get(category, "an unnamed character")
    return f"U+{code:04X} ({name})", _ASCII_FIXES.get(char) or _instead(char)


def _instead(char: str) -> str:
    import unicodedata

    category = unicodedata.category(char)
    if category == "Zs":
        return "write a plain space"
    if category in ("Zl", "Zp") or char == "\x85":
        return "end the line with a newline"
    if category in ("Cc", "Cf"):
        return "remove it: it does not show, but it is there"
    if 0x2190 <= ord(char) <= 0x21FF:
        return 'write "|" between two steps'
    if category in ("Pi", "Pf"):
        return _ASCII_FIXES["'"]
    typed = _TYPED_AS.get(char) or ("-" if category == "Pd" else unicodedata.normalize("NFKC", char))
    if typed.isascii() and typed.isprintable():
        return f'write "{typed}"'
    digit = unicodedata.decimal(char, None)
    if digit is not None:
        return f'write "{digit}"'
    return "write it in plain Latin letters, a to z" if char.isalpha() else "remove it"
