"""Components of the theme in the places of their calls, before :mod:`publisher.site.engine` compiles a template.

A component is a macro that depends on nothing but what it is given. What it is given as a constant stands in it as one,
and decides there what it can.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from copy import deepcopy
from typing import Any, NamedTuple

import jinja2
from jinja2 import meta, nodes


class _Component(NamedTuple):
    """A macro that depends on its arguments alone, with its own components already in place."""

    name: str
    parameters: tuple[str, ...]
    defaults: Mapping[str, nodes.Expr]
    body: list[nodes.Node]


class Inliner:
    """Puts the bodies of components in the place of their calls."""

    def __init__(self, environment: jinja2.Environment) -> None:
        self._environment = environment
        self._known: dict[str, dict[str, _Component]] = {}  # by file

    def template(self, node: nodes.Template) -> nodes.Template:
        """Return the template with the components it imports in place; imports nobody needs any more are left out."""
        found = self._imported(node)
        node.body = self._placed(node.body, found)
        used = {name.name for name in node.find_all(nodes.Name)}
        for one in list(node.find_all(nodes.FromImport)):
            one.names = [name for name in one.names if (name[1] if isinstance(name, tuple) else name) in used]
        node.body = [one for one in node.body if not (isinstance(one, nodes.FromImport) and not one.names)]
        return node

    def _imported(self, node: nodes.Template) -> dict[str, _Component]:
        """Return the components that a template imports at its top, by the names it gives them."""
        found = {}
        for one in node.body:
            if isinstance(one, nodes.FromImport) and isinstance(one.template, nodes.Const):
                there = self._components(one.template.value)
                for name in one.names:
                    own, alias = name if isinstance(name, tuple) else (name, name)
                    if own in there:
                        found[alias] = there[own]
        return found

    def _components(self, name: str) -> dict[str, _Component]:
        """Return the macros of a template that may stand in the place of their calls."""
        if name not in self._known:
            self._known[name] = self._read(name)
        return self._known[name]

    def _read(self, name: str) -> dict[str, _Component]:
        assert self._environment.loader is not None
        source, _, _ = self._environment.loader.get_source(self._environment, name)
        tree = self._environment.parse(source)
        imported = self._imported(tree)
        found = {}
        for macro in tree.body:
            if not isinstance(macro, nodes.Macro):
                continue
            parameters = tuple(one.name for one in macro.args)
            body = self._placed(macro.body, imported)
            alone = nodes.Template(body, lineno=1)
            alone.set_environment(self._environment)
            free = meta.find_undeclared_variables(alone) - {*parameters, *self._environment.globals}
            if not free and not any(True for one in body for _ in one.find_all(nodes.Assign)):
                defaults = dict(zip(parameters[len(parameters) - len(macro.defaults) :], macro.defaults, strict=True))
                found[macro.name] = _Component(macro.name, parameters, defaults, body)
        return found

    def _placed(self, body: list[nodes.Node], known: Mapping[str, _Component]) -> list[nodes.Node]:
        """Return statements with the calls of known components replaced by their bodies."""
        placed: list[nodes.Node] = []
        for one in body:
            if isinstance(one, nodes.Output):
                placed += self._split(one, known)
                continue
            for field in ("body", "else_", "elif_"):
                inner = getattr(one, field, None)
                if isinstance(inner, list):
                    setattr(one, field, self._placed(inner, known))
            placed.append(one)
        return placed

    def _split(self, output: nodes.Output, known: Mapping[str, _Component]) -> list[nodes.Node]:
        parts: list[nodes.Node] = []
        run: list[nodes.Expr] = []
        for child in output.nodes:
            replaced = self._called(child, known)
            if replaced is None:
                run.append(child)
                continue
            if run:
                parts.append(nodes.Output(run, lineno=output.lineno, environment=self._environment))
            parts.append(replaced)
            run = []
        return parts + ([nodes.Output(run, lineno=output.lineno, environment=self._environment)] if run else [])

    def _copy(self, body: list[nodes.Node]) -> list[nodes.Node]:
        return deepcopy(body, {id(self._environment): self._environment})

    def _called(self, child: nodes.Expr, known: Mapping[str, _Component]) -> nodes.Node | None:
        """Return what stands for a call of a component; None for anything else."""
        if not isinstance(child, nodes.Call) or not isinstance(child.node, nodes.Name) or child.node.name not in known:
            return None
        component = known[child.node.name]
        given = dict(zip(component.parameters, child.args, strict=False))
        given |= {one.key: one.value for one in child.kwargs}
        values = {**component.defaults, **given}
        if child.dyn_args or child.dyn_kwargs or set(values) != set(component.parameters):
            return None  # Jinja says what is wrong with it
        body = nodes.Scope(self._copy(component.body), lineno=child.lineno, environment=self._environment)
        rebound = {one.name for one in body.find_all(nodes.Name) if one.ctx != "load"} | set(_imported_names(body))
        fixed = {
            name: value for name, value in values.items() if isinstance(value, nodes.Const) and name not in rebound
        }
        _put_in(body, fixed)
        bound = [name for name in component.parameters if name not in fixed]
        return nodes.With(
            [nodes.Name(name, "store", lineno=child.lineno) for name in bound], [values[name] for name in bound],
            self._decided(body.body), lineno=child.lineno, environment=self._environment,
        ).set_environment(self._environment)  # fmt: skip

    def _decided(self, body: list[nodes.Node]) -> list[nodes.Node]:
        """Return statements without what constants decide; what is said without a condition is said at once."""
        left: list[nodes.Node] = []
        for one in body:
            for field in ("body", "else_"):
                inner = getattr(one, field, None)
                if isinstance(inner, list):
                    setattr(one, field, self._decided(inner))
            for each in self._taken(one):
                last = left[-1] if left else None
                if isinstance(each, nodes.Output) and isinstance(last, nodes.Output):
                    left[-1] = nodes.Output([*last.nodes, *each.nodes], lineno=last.lineno)
                    left[-1].set_environment(self._environment)
                else:
                    left.append(each)
        return left

    def _taken(self, one: nodes.Node) -> list[nodes.Node]:
        """Return a statement, or the branch of it that is taken always."""
        if isinstance(one, nodes.If) and not one.elif_ and isinstance(one.test, nodes.Expr):
            with suppress(nodes.Impossible):
                return one.body if one.test.as_const() else one.else_
        return [one]


def _imported_names(body: nodes.Node) -> Iterator[str]:
    for one in body.find_all(nodes.Import):
        yield one.target
    for several in body.find_all(nodes.FromImport):
        yield from (name if isinstance(name, str) else name[1] for name in several.names)


def _put_in(node: nodes.Node, fixed: Mapping[str, nodes.Expr]) -> None:
    """Put constants in the places of the names that stand for them."""
    for field, value in node.iter_fields():
        if isinstance(value, list):
            value[:] = [_put(one, fixed) for one in value]
        elif isinstance(value, nodes.Node):
            setattr(node, field, _put(value, fixed))


def _put(one: Any, fixed: Mapping[str, nodes.Expr]) -> Any:
    if isinstance(one, nodes.Name) and one.name in fixed:
        return fixed[one.name]
    if isinstance(one, nodes.Node):
        _put_in(one, fixed)
    return one
