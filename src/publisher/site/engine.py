"""The theme's Jinja environment, compiled for pages by the million: the same bytes, in a third of the time.

Every value is escaped and an unknown name is an error, as ever. What differs is how the templates are compiled:

- A component that a template calls where its words go (``{{ mark(one) }}``) is compiled into that place, if it depends
  on nothing but what it is given. A call as a part of an expression stays a call.
  What it is given as a constant stands in it as one, and decides there what it can.
- In a quick environment ``record.name`` is taken from the record as from a dict that has it. Where it is none, or has
  not, a KeyError or TypeError says so, and the page is for a careful one, which looks in a dict and then as Jinja does.
- ``url`` and ``asset``, which ask for no context, are called as they are; ``is none`` is asked without a call.
- What a template and its blocks say is gathered and joined once.
- A template that was read is found by its name alone; ``join`` looks at texts that need no care no longer than Python.
"""

import hashlib
import os
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import jinja2
import markupsafe
from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.filters import sync_do_join

from publisher.site import inliner

_DIGEST = hashlib.sha256().digest_size
_PLAIN = ("url", "asset")  # functions that every page is given (publisher.site.renderer)
escape_text: Callable[[str], str] = getattr(markupsafe, "_escape_inner", markupsafe.escape)


def text(value: Any) -> str:
    """Return a value as HTML may have it: escaped, unless it is marked as HTML itself."""
    kind = type(value)
    if kind is str:
        return escape_text(value)
    return value if kind is markupsafe.Markup else markupsafe.escape(value)


def environment(theme: Path, compiled: Path | None = None, *, is_quick: bool = False) -> jinja2.Environment:
    """Return an environment in which pages of a theme are rendered; what is compiled is kept in ``compiled``."""
    made = (QuickEnvironment if is_quick else Environment)(
        loader=jinja2.FileSystemLoader(theme / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,  # the theme does not change under a build
        bytecode_cache=None if compiled is None else Compiled(compiled, theme, is_quick=is_quick),
    )
    made.filters["join"] = joined
    return made


@jinja2.pass_eval_context
def joined(context: nodes.EvalContext, values: Any, between: Any = "", attribute: Any = None) -> Any:
    """Return values as one text, as Jinja's ``join`` does."""
    if attribute is None and type(between) is str and type(values) is list and {str}.issuperset(map(type, values)):
        return between.join(values)
    return sync_do_join(context, values, between, attribute)


class Compiled(jinja2.BytecodeCache):
    """Templates as they were compiled, in files that hold as long as no template of the theme has changed.

    To compile them takes a third of a second, most of a small build. A template holds components of other files, so all
    of them count. What cannot be read, or was damaged, is compiled anew; what cannot be written is not kept.
    """

    def __init__(self, folder: Path, theme: Path, *, is_quick: bool) -> None:
        self._folder, self._kind = folder, "quick" if is_quick else "careful"
        seen = hashlib.sha256(Path(__file__).read_bytes() + Path(inliner.__file__).read_bytes())
        for file in sorted((theme / "templates").rglob("*.html")):
            seen.update(hashlib.sha256(file.read_bytes()).digest())
        self._seen = seen.hexdigest()

    def get_source_checksum(self, source: str) -> str:
        """Return a mark of a template's source, and of all that may stand in it."""
        return self._seen + hashlib.sha256(source.encode()).hexdigest()

    def load_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
        """Fill the bucket, if there is a whole file for it."""
        with suppress(OSError):
            content = self._file(bucket).read_bytes()
            if hashlib.sha256(content[_DIGEST:]).digest() == content[:_DIGEST]:
                bucket.bytecode_from_string(content[_DIGEST:])

    def dump_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
        """Keep what is in the bucket."""
        content = bucket.bytecode_to_string()
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            part = self._file(bucket).with_suffix(f".{self._kind}-{os.getpid()}")
            part.write_bytes(hashlib.sha256(content).digest() + content)
            part.replace(self._file(bucket))

    def _file(self, bucket: jinja2.bccache.Bucket) -> Path:
        return self._folder / f"{bucket.key}.{self._kind}"


class Compiler(CodeGenerator):
    """Compiles a template as described above."""

    def visit_Template(self, node: nodes.Template, frame: Frame | None = None) -> None:
        self.writeline("from publisher.site.engine import escape_text, text")
        assert isinstance(self.environment, Environment)
        super().visit_Template(self.environment.inliner.template(node), frame)

    def enter_frame(self, frame: Frame) -> None:
        super().enter_frame(frame)
        if frame.buffer is None and (frame.rootlevel or frame.block is not None):
            self.buffer(frame)
            frame.gathers = True  # type: ignore[attr-defined]

    def leave_frame(self, frame: Frame, with_python_scope: bool = False) -> None:
        if getattr(frame, "gathers", False):
            self.writeline(f"yield concat({frame.buffer})")
        super().leave_frame(frame, with_python_scope)

    def visit_Call(self, node: nodes.Call, frame: Frame, forward_caller: bool = False) -> None:
        is_plain = isinstance(node.node, nodes.Name) and node.node.name in _PLAIN
        if is_plain and len(node.args) == 1 and not (node.kwargs or node.dyn_args or node.dyn_kwargs):
            self.visit(node.node, frame)
            self.write("(")
            self.visit(node.args[0], frame)
            self.write(")")
        else:
            super().visit_Call(node, frame, forward_caller=forward_caller)

    def visit_Test(self, node: nodes.Test, frame: Frame) -> None:
        if node.name == "none":
            self.write("((")
            self.visit(node.node, frame)
            self.write(") is None)")
        else:
            super().visit_Test(node, frame)

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:
        if _is_plainly_escaped(frame, finalize):
            self.write("(escape_text(_it) if type(_it := (")  # as text() does, without a call for most
        else:
            super()._output_child_pre(node, frame, finalize)

    def _output_child_post(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:
        if _is_plainly_escaped(frame, finalize):
            self.write(")) is str else text(_it))")
        else:
            super()._output_child_post(node, frame, finalize)


class QuickCompiler(Compiler):
    """Compiles a template for records that are dicts and have all that it asks of them."""

    _method: nodes.Getattr | None = None  # what is called, and no member of a record

    def visit_Getattr(self, node: nodes.Getattr, frame: Frame) -> None:
        of = node.node
        is_loop = isinstance(of, nodes.Name) and of.name == "loop"
        if node is self._method or is_loop or not isinstance(of, nodes.Name | nodes.Getattr):
            super().visit_Getattr(node, frame)
        else:
            self.visit(of, frame)
            self.write(f"[{node.attr!r}]")

    def visit_Call(self, node: nodes.Call, frame: Frame, forward_caller: bool = False) -> None:
        self._method = node.node if isinstance(node.node, nodes.Getattr) else None
        super().visit_Call(node, frame, forward_caller)


def _is_plainly_escaped(frame: Frame, finalize: Any) -> bool:
    return frame.eval_ctx.autoescape and not frame.eval_ctx.volatile and finalize.src is None


class Template(jinja2.Template):
    """A template that knows no more beside what it is given than what the environment gives to all: that is gathered,
    and what it imports is read, once for all pages."""

    @cached_property
    def _known(self) -> dict[str, Any]:
        return dict(self.globals)

    def new_context(
        self, vars: dict[str, Any] | None = None, shared: bool = False, locals: Mapping[str, Any] | None = None
    ) -> jinja2.runtime.Context:
        """Return what the template is rendered in."""
        given = (vars or {}) if shared else {**self._known, **(vars or {})}
        return jinja2.runtime.new_context(self.environment, self.name, self.blocks, given, True, None, locals)

    def _get_default_module(self, _ctx: jinja2.runtime.Context | None = None) -> jinja2.environment.TemplateModule:
        return super()._get_default_module()


class Environment(jinja2.Environment):
    """An environment that compiles as described above, and reads each component once."""

    code_generator_class = Compiler
    template_class = Template

    @cached_property
    def inliner(self) -> inliner.Inliner:
        """What puts the components of this environment in place."""
        return inliner.Inliner(self)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return a member of a record, as Jinja does; what a dict has comes before its methods."""
        return obj[attribute] if type(obj) is dict and attribute in obj else super().getattr(obj, attribute)

    @cached_property
    def _read(self) -> dict[str, jinja2.Template]:
        return {}

    def get_template(
        self, name: str | jinja2.Template, parent: str | None = None, globals: MutableMapping[str, Any] | None = None
    ) -> jinja2.Template:
        """Return a template, as Jinja does."""
        if isinstance(name, jinja2.Template) or globals is not None:
            return super().get_template(name, parent, globals)
        found = self._read.get(name)
        if found is None:
            found = self._read[name] = super().get_template(name, parent)
        return found


class QuickEnvironment(Environment):
    """An environment for records that are dicts and have all that is asked of them; KeyError or TypeError says that one
    is none, or has not."""

    code_generator_class = QuickCompiler
