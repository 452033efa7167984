"""What a chain, a label or a repeat can have wrong with it: each function words one mistake and its one fix."""

from layercli.errors import LayerError, Span
from layercli.spec import limits
from layercli.spec.scalars import is_name
from layercli.spec.scanner import END, NEWLINE, WORD, Scanner, quote
from layercli.spec.values import stray_comma
from layercli.spec.within import Within


def empty_chain(scanner: Scanner, within: Within) -> LayerError:
    """No step where a spec, a group or a branch begins."""
    if scanner.kind == "|":
        return scanner.error("spec.empty-step", 'no step stands before this "|"', "remove it")
    if within.opening is None:
        if scanner.kind == ")":
            return unopened(scanner)
        return scanner.error("spec.empty", "the spec holds no step", 'write one, such as "conv2d 8 k=5 | relu"')
    if scanner.kind == ")":
        return scanner.error("spec.empty", "the group holds no step", "write a step in it", within.opening)
    return semicolon(scanner, within) if scanner.kind == ";" else unclosed(scanner, within)


def no_layer(scanner: Scanner, whole: Span) -> LayerError:
    """Steps, and no layer in any of them."""
    return scanner.error("spec.empty", "the spec holds no layer", "write one, such as conv2d 8 k=5", *whole)


def empty_step(scanner: Scanner, pipe: Span, within: Within) -> LayerError:
    """Nothing after a "|"."""
    if scanner.kind == "|":
        return scanner.error("spec.empty-step", 'no step stands before this "|"', 'remove one "|"')
    if scanner.kind == END and within.opening is not None:
        return unclosed(scanner, within)
    fix = "remove it"
    return scanner.error("spec.empty-step", 'no step stands after this "|"', fix, *pipe)


def unclosed(scanner: Scanner, within: Within) -> LayerError:
    """A "(" without its ")", or a "{" without its "}"."""
    if within.either:
        opening = within.opening or 0
        fix = 'write "}" where the alternatives end'
        return scanner.error("spec.unclosed", "this brace is not closed", fix, opening, opening + 1)
    ends = "the branches end" if within.branch else "the group ends"
    opening = within.opening or 0
    message, fix = "this parenthesis is not closed", f'write ")" where {ends}'
    return scanner.error("spec.unclosed", message, fix, opening, opening + 1)


def unopened(scanner: Scanner) -> LayerError:
    """A ")" without its "("."""
    return scanner.error("spec.unopened", "no parenthesis is open here", 'remove this ")"')


def no_separator(scanner: Scanner, within: Within) -> LayerError:
    """Something right after a step that is complete, such as a group."""
    kind = scanner.kind
    if kind == ",":
        return stray_comma(scanner, within.branch)
    if kind == ";":
        return semicolon(scanner, within)
    if kind == "/" and scanner.following == "/":
        return comment(scanner)
    if kind == "*":
        fix = "write it there, such as 3*(conv2d 8 | relu)"
        return scanner.error("spec.repeat", "a repeat stands before what it repeats", fix)
    shown = quote(scanner.text)
    if kind in (WORD, "(", "@"):
        return scanner.error("spec.separator", f'no "|" stands before {shown}', f'write "|" before {shown}')
    return scanner.error("spec.separator", f"{shown} has no meaning here", "remove it")


def semicolon(scanner: Scanner, within: Within) -> LayerError:
    """A ";" where there are no branches."""
    if within.opening is not None:
        fix = "write the layer that merges them right before it, such as add(relu ; tanh)"
        opening = within.opening
        return scanner.error("spec.branches", "no layer merges these branches", fix, opening, opening + 1)
    source, start, end = scanner.source, scanner.start, scanner.limit
    if source.count(")", start, end) > source.count("(", start, end):
        fix = 'write "(" before the first of them, such as add(relu ; tanh)'
        return scanner.error("spec.branches", "no parenthesis opens these branches", fix)
    fix = "remove it" if scanner.following in ("", "\r", "\n") else 'write "|" in its place'
    return scanner.error("spec.separator", '";" does not separate steps', fix)


def comment(scanner: Scanner) -> LayerError:
    """A comment begun with "//", which is at the cursor."""
    fix = 'write "#" in its place'
    return scanner.error("spec.separator", '"//" begins no comment', fix, scanner.start, scanner.stop + 1)


def too_many_steps(scanner: Scanner, span: Span) -> LayerError:
    """More ops than may run, counted up to this place."""
    message = f"with this, the spec expands to more than {limits.STEPS:,} steps"
    return scanner.error("limit.steps", message, "repeat fewer times", *span)


def too_many_branches(scanner: Scanner, op: Span) -> LayerError:
    """More branches than an op may merge."""
    message = f"{quote(scanner.written(op))} has more than {limits.BRANCHES} branches"
    return scanner.error("limit.branches", message, "merge fewer, and merge what comes out", *op)


def too_deep(scanner: Scanner) -> LayerError:
    """A group within too many others."""
    message = f"groups are nested more than {limits.NESTING} deep here"
    return scanner.error("limit.nesting", message, "take some of the parentheses away")


def bad_label(scanner: Scanner, word: Span) -> LayerError:
    """A label that is no name."""
    message = f"{quote(scanner.written(word))} cannot be a label"
    return scanner.error("spec.label", message, "write letters, digits and _, a letter first, such as enc1:", *word)


def duplicate_label(scanner: Scanner, word: Span, label: str) -> LayerError:
    """A label for the second time."""
    fix = f"write another label here, such as {quote(label + '_2')}"
    return scanner.error("spec.duplicate-label", f"the label {quote(label)} stands before two steps", fix, *word)


def bad_repeat(scanner: Scanner, word: Span) -> LayerError:
    """Something before the "*" at the cursor that is no positive integer."""
    text = scanner.written(word)
    scanner.advance()
    if is_name(text) and scanner.kind == WORD and scanner.text.isdigit():
        fix = f"write {quote(f'{scanner.text}*{text}')}"
        return scanner.error("spec.repeat", "a repeat stands before what it repeats", fix, word.start)
    zero = not text.strip("-0")
    message = f"{quote(text)} repeats a step no times" if zero else f"{quote(text)} is no number of repeats"
    return scanner.error("spec.repeat", message, "write a positive integer, such as 3*relu", *word)


def no_unit(scanner: Scanner, label: Span | None, repeat: Span | None) -> LayerError:
    """No op and no group where a step must have one."""
    kind = scanner.kind
    fix = "write the name of a layer here, such as relu"
    if kind == "=":
        example = "write a layer and a key before it, such as conv2d k=5"
        return scanner.error("spec.key", 'no key stands before "="', example)
    if kind == "*":
        return scanner.error("spec.repeat", 'no number stands before "*"', "write one, such as 3*relu")
    if kind == ":":
        return scanner.error("spec.label", 'no label stands before ":"', "write one, such as enc: relu")
    if kind in (END, NEWLINE, "|", ")"):
        if repeat is not None:
            example = "write a step after it on the same line, such as 3*relu"
            return scanner.error("spec.repeat", "no step stands after this repeat", example, *repeat)
        if label is not None:
            example = "write a step after it on the same line, such as enc: relu"
            return scanner.error("spec.label", "no step stands after this label", example, *label)
    if kind == "/" and scanner.following == "/":
        return comment(scanner)
    return scanner.error("spec.name", f"a step cannot begin with {quote(scanner.text)}", fix)
