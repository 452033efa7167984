"""The application: verbs and layers as one lazy group; nothing is built that is not called."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from layercli.cli.catalogue import VERBS
from layercli.errors import ExitCode, LayerError, short
from layercli.version import VERSION

if TYPE_CHECKING:
    from layercli.measure.child import Child

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
UsageError: Any = typer.BadParameter.__bases__[0]
"""Typer's error for a command line that it cannot take; it has no public name in every version."""


class _State:
    """What the commands of one run share."""

    child: Child | None = None
    status: ExitCode = ExitCode.OK


state = _State()


def is_spec(word: str) -> bool:
    """Whether a first word can be no command: it holds what only a spec holds."""
    return any(character in word for character in " =|(*;\n#") and not word.startswith("-")


class Group(TyperGroup):
    """Looks a command up when it is named: a verb's module or a layer's definition."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Verbs, then layers."""
        from layercli.layers import known_names

        return [*VERBS, *known_names()]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of this name, built now; None where there is none."""
        if cmd_name in VERBS:
            import importlib

            module = importlib.import_module(f"layercli.cli.verb_{cmd_name}")
            return command(cmd_name, module.run, module.__doc__ or "", module.parameters())
        from layercli.layers import find

        layer = find(cmd_name)
        if layer is None:
            return None
        from layercli.cli.layer import help_of
        from layercli.cli.verb_layer import parameters, runner

        return command(cmd_name, runner(layer), help_of(layer), parameters(layer), ignore_unknown_options=True)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that the first word names; a word that can only be a spec is for ``run``."""
        name = args[0]
        if is_spec(name):
            return "run", self.get_command(ctx, "run"), args
        found = self.get_command(ctx, name)
        if found is None:
            raise _unknown_command(name)
        return name, found, args[1:]

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """The overview."""
        from layercli.cli.help import overview

        formatter.write(overview())

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """Commands and layers, or the options of the application."""
        from layercli.cli.complete import commands

        return [
            *commands(incomplete),
            *([] if not incomplete.startswith("-") else super().shell_complete(ctx, incomplete)),
        ]


def _unknown_command(name: str) -> LayerError:
    from layercli.errors import Span
    from layercli.layers import did_you_mean, find, suggest
    from layercli.layers.left_out import left_out

    near = (name.lower(),) if find(name.lower()) else suggest(name) or suggest(name, VERBS)
    why = left_out(name)
    if why:
        return LayerError(
            "spec.unknown-command", f"{name} is no layer: it is {why}", source=f"layercli {name}",
            span=Span(9, 9 + len(name)), fix="write layers, such as layercli conv2d 8 3",
        )  # fmt: skip
    fix = did_you_mean(near, "layercli list shows every layer")
    if os.path.isfile(name):
        fix = f"it is a file: write layercli run -f {name}"
    return LayerError(
        "spec.unknown-command", f"there is no command or layer {name[:60]!r}", source=f"layercli {name[:200]}",
        span=Span(9, 9 + len(name[:200])),
        fix=fix, suggestions=near,
    )  # fmt: skip


def command(
    name: str,
    callback: Callable[..., ExitCode],
    help: str,
    parameters: list[inspect.Parameter],
    ignore_unknown_options: bool = False,
) -> Any:
    """A command of Typer's from a function and the parameters that it is to have."""

    def function(**values: Any) -> None:
        state.status = callback(state.child, **values)

    function.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    function.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    single = typer.Typer(add_completion=False, rich_markup_mode=None)
    single.command(name, help=help, context_settings={**CONTEXT, "ignore_unknown_options": ignore_unknown_options})(
        function
    )
    made = typer.main.get_command(single)
    made.name = name
    return made


app = typer.Typer(
    cls=Group,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings=CONTEXT,
    invoke_without_command=True,
)


@app.callback()
def root(
    ctx: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="The version, and nothing else.")] = False,
) -> None:
    """What a layer does to a tensor."""
    if version:
        sys.stdout.write(f"layercli {VERSION}\n")
        raise typer.Exit()
    if ctx.invoked_subcommand is None:
        from layercli.cli.help import greeting

        sys.stdout.write(greeting())


def run(words: list[str], child: Child | None = None) -> ExitCode:
    """Runs a command line; every way that it can end is an exit code."""
    state.child, state.status = child, ExitCode.OK
    debug = "--debug" in words
    try:
        group = typer.main.get_command(app)
        result = group.main(words, prog_name="layercli", standalone_mode=False)
        sys.stdout.flush()
        return ExitCode(result) if isinstance(result, int) and result else state.status
    except LayerError as error:
        return _end(error, words)
    except UsageError as error:
        return _end(_usage(error), words)
    except (KeyboardInterrupt, typer.Abort):
        return ExitCode.INTERRUPTED
    except typer.Exit as ended:
        return ExitCode(ended.exit_code)
    except BrokenPipeError:
        return state.status
    except OSError as error:
        return _end(_unwritable(error), words)
    except SystemExit as ended:  # Typer's way of ending: with 1 on a closed pipe, else after a completion
        if ended.code != 1:
            raise
        return state.status
    except Exception as error:
        if debug:
            raise
        text = f"{type(error).__name__}: {error}"[:300]
        return _end(
            LayerError("internal.error", f"layercli failed: {text}", fix="run it with --debug and report it"), words
        )
    finally:
        if child is not None:
            child.close()


def _usage(error: Any) -> LayerError:
    """Typer's complaint as one of ours."""
    from layercli.layers import suggest

    name = getattr(error, "option_name", None)
    possible = tuple(getattr(error, "possibilities", None) or ())
    message = error.format_message()
    if name and type(error).__name__ == "NoSuchOption":
        message = f"there is no option {short(name)}"
    choices = getattr(getattr(getattr(error, "param", None), "type", None), "choices", ())
    if choices:
        names = [str(getattr(choice, "value", choice)) for choice in choices]
        head, _, rest = message.partition(": '")
        value = rest.partition("' is not")[0]
        message, possible = f"{head}: {short(value)!r} is none of {', '.join(names)}", suggest(value, names)
    fix = f"did you mean {possible[0]}?" if possible else "layercli --help shows what there is"
    return LayerError("spec.usage", short(message[:1].lower() + message[1:], 300), fix=fix, suggestions=possible)


def _end(error: LayerError, words: list[str]) -> ExitCode:
    from layercli.cli.complain import complain

    complain(error)
    form = json_form(words)
    if form and error.code != "io.write":
        from layercli.cli.terminal import put
        from layercli.render.documents import json_line, json_text
        from layercli.report import failure

        try:
            put((json_text if form == "json" else json_line)(failure(error)))
            sys.stdout.flush()
        except BrokenPipeError:
            pass
        except OSError as full:
            return _end(_unwritable(full), words)
    return error.exit_code


def json_form(words: list[str]) -> str:
    """``json`` or ``jsonl`` where the command line asks for it; the line may be one that is not understood."""
    for option, value in zip(words, [*words[1:], ""]):
        name, _, inner = option.partition("=")
        if name == "--json":
            return "json"
        if name == "--format" and (inner or value) in ("json", "jsonl"):
            return inner or value
    return ""


def _unwritable(error: OSError) -> LayerError:
    return LayerError("io.write", f"the answer cannot be written: {error.strerror}", fix="make room for it")
