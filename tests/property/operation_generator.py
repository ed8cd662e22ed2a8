"""Generator of GraphQL operations from the schema: new fields, arguments and types are covered without a change.

Every document is valid. To satisfy the rule that fields can merge, a response key always names the same field with the same
arguments and type within a document.
"""

from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLInterfaceType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    do_types_overlap,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_list_type,
    parse,
    print_ast,
)
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from tests.property.argument_printer import ArgumentPrinter
from tests.property.argument_values import ArgumentGenerator, Data, GenerationOptions
from tests.property.random_source import RandomSource

MAX_DEPTH = 8
MAX_ROWS = 120  # at one path of the response
MAX_FIELDS = 300  # in the response, approximately
BYTE_COUNT = 600  # per operation; most operations use fewer
UNPAGED_LIST = 4  # estimated length of a list without pages

Scope = GraphQLObjectType | GraphQLInterfaceType

_CONDITION = GraphQLArgument(GraphQLNonNull(GraphQLBoolean))


@dataclass(frozen=True)
class Operation:
    """A GraphQL request."""

    document: str
    variables: dict[str, Any]
    name: str | None

    def __repr__(self) -> str:
        return f"{print_ast(parse(self.document))}\nvariables: {self.variables!r}\noperationName: {self.name!r}"


@dataclass(frozen=True)
class _Call:
    """A field with arguments under a response key, and the approximate number of rows for each parent row."""

    key: str
    name: str
    arguments: str
    size: int

    @property
    def text(self) -> str:
        return f"{self.name}{self.arguments}" if self.key == self.name else f"{self.key}: {self.name}{self.arguments}"


@dataclass(frozen=True)
class _Fragment:
    """A complete fragment; it can be spread where depth and rows do not exceed those of its first use."""

    name: str
    type: Scope
    depth: int
    rows: int
    cost: int


@dataclass
class _OperationGenerator:
    rng: RandomSource
    schema: GraphQLSchema
    scopes: list[Scope]
    arguments: ArgumentPrinter
    fragments: dict[str, _Fragment] = field(default_factory=dict)
    fragment_texts: list[str] = field(default_factory=list)
    calls: dict[str, list[_Call]] = field(default_factory=dict)
    signatures: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    cost: int = 0

    def operation(self) -> Operation:
        assert self.schema.query_type is not None
        body = self.selection(self.schema.query_type, 0, 1)
        name = "Main" if self.rng.probability(30) else None
        variables = f"({', '.join(self.arguments.definitions)})" if self.arguments.definitions else ""
        texts = [f"query {name or ''}{variables} {body}" if name or variables else body, *self.fragment_texts]
        if name and self.rng.probability(20):
            texts.insert(self.rng.number(0, 1), "query Other { __typename }")
        return Operation("\n".join(texts), self.arguments.variables, name)

    def selection(self, type_: Scope, depth: int, rows: int) -> str:
        fields = [self.any_selection(type_, depth, rows) for _ in range(self.rng.number(1, 3 if depth else 2))]
        return f"{{ {' '.join(fields)} }}"

    def any_selection(self, type_: Scope, depth: int, rows: int) -> str:
        number = self.rng.number(0, 99)
        abstract = 50 if isinstance(type_, GraphQLInterfaceType) else 0
        if self.cost < MAX_FIELDS:
            if number >= 92 - abstract // 2:
                return self.named_fragment(type_, depth, rows)
            if number >= 84 - abstract:
                return self.inline_fragment(type_, depth, rows)
        self.cost += rows
        if 24 <= number < 30:
            return self._typename(type_) + self.condition()
        return self.field(type_, depth, rows)

    def field(self, type_: Scope, depth: int, rows: int) -> str:
        recent_calls = self.calls.get(type_.name, [])[-4:]
        known = [call for call in recent_calls if self._fits(type_, call.name, call.size, depth, rows)]
        if known and self.rng.probability(25):
            call = self.rng.choice(known)
        else:
            name = self._choose_field(type_, depth, rows)
            if name is None:
                return self._typename(type_)
            call = self._call(type_, name, depth, rows)
        target = get_named_type(type_.fields[call.name].type)
        below = self.selection(target, depth + 1, rows * call.size) if isinstance(target, Scope) else ""
        return f"{call.text}{self.condition()} {below}"

    def named_fragment(self, type_: Scope, depth: int, rows: int) -> str:
        candidates = [
            one
            for one in self.fragments.values()
            if self._overlap(type_, one.type) and depth <= one.depth and rows <= one.rows and one.cost + self.cost < MAX_FIELDS
        ]
        if candidates and self.rng.probability(60):
            fragment = self.rng.choice(candidates)
            self.cost += fragment.cost
        else:
            before, target = self.cost, self.rng.choice(self._overlapping(type_))
            body = self.selection(target, depth, rows)
            fragment = _Fragment(f"F{len(self.fragments)}", target, depth, rows, self.cost - before)
            self.fragments[fragment.name] = fragment
            self.fragment_texts.append(f"fragment {fragment.name} on {target.name} {body}")
        return f"...{fragment.name}{self.condition()}"

    def inline_fragment(self, type_: Scope, depth: int, rows: int) -> str:
        if self.rng.probability(30):
            return f"...{self.condition()} {self.selection(type_, depth, rows)}"
        target = self.rng.choice(self._overlapping(type_))
        return f"... on {target.name}{self.condition()} {self.selection(target, depth, rows)}"

    def condition(self) -> str:
        """Return include and skip directives in 10 % of the cases; most of them include the field."""
        if not self.rng.probability(10):
            return ""
        directives = self.rng.sample(["include", "skip"], 2)
        passing = {name: (name == "include") != self.rng.probability(25) for name in directives}
        return "".join(f" @{name}(if: {self.arguments.print_value(value, _CONDITION)})" for name, value in passing.items())

    def _choose_field(self, type_: Scope, depth: int, rows: int) -> str | None:
        """Return the name of a field within the limits, preferably of a composite one."""
        candidates = [name for name in type_.fields if self._fits(type_, name, self._min_size(type_, name), depth, rows)]
        deep = [name for name in candidates if is_composite_type(get_named_type(type_.fields[name].type))]
        if deep and self.rng.probability(60):
            candidates = deep
        return self.rng.choice(candidates) if candidates else None

    def _call(self, type_: Scope, name: str, depth: int, rows: int) -> _Call:
        declared = type_.fields[name]
        if declared.args:
            arguments, size = self.arguments.of(declared, top=depth == 0, max_rows=MAX_ROWS // rows)
        else:
            arguments, size = "", self._min_size(type_, name)
        call = _Call(self._response_key(name, arguments, str(declared.type), type_), name, arguments, size)
        self.calls.setdefault(type_.name, []).append(call)
        return call

    def _typename(self, type_: Scope) -> str:
        return _Call(self._response_key("__typename", "", "String!", type_), "__typename", "", 1).text

    def _response_key(self, name: str, arguments: str, response: str, type_: Scope) -> str:
        """Return a response key that only this field uses; sometimes the name of another field."""
        signature = (name, arguments, response)
        if self.signatures.setdefault(name, signature) == signature and not self.rng.probability(15):
            return name
        known = [key for key, other in self.signatures.items() if other == signature]
        if known and self.rng.probability(50):
            return self.rng.choice(known)
        free = [name for name in type_.fields if name not in self.signatures] if self.rng.probability(20) else []
        key = self.rng.choice(free) if free else f"a{len(self.signatures)}"
        self.signatures[key] = signature
        return key

    def _fits(self, type_: Scope, name: str, size: int, depth: int, rows: int) -> bool:
        if not is_composite_type(get_named_type(type_.fields[name].type)):
            return True
        return depth < MAX_DEPTH and self.cost < MAX_FIELDS and rows * size <= MAX_ROWS

    def _min_size(self, type_: Scope, name: str) -> int:
        """Return the minimum number of rows of a field."""
        listed = is_list_type(get_nullable_type(type_.fields[name].type))
        return UNPAGED_LIST if listed and "pageInfo" not in type_.fields else 1

    def _overlapping(self, type_: Scope) -> list[Scope]:
        return [one for one in self.scopes if self._overlap(type_, one)]

    def _overlap(self, one: Scope, other: Scope) -> bool:
        return do_types_overlap(self.schema, one, other)


def examples(number: int) -> settings:
    """Return hypothesis settings for generated operations: a number of examples, without a deadline."""
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]
    return settings(max_examples=number, deadline=None, print_blob=True, database=None, suppress_health_check=slow)


def operations(
    schema: GraphQLSchema, data: Data, options: GenerationOptions = GenerationOptions()
) -> st.SearchStrategy[Operation]:
    """Return a strategy for operations."""
    # Short inputs create small operations, which often repeat the structure of another operation with other values.
    byte_strings = st.one_of(
        [st.binary(min_size=size, max_size=size) for size in (BYTE_COUNT // 20, BYTE_COUNT // 8, BYTE_COUNT, BYTE_COUNT)]
    )
    scopes = [type_ for type_ in schema.type_map.values() if isinstance(type_, GraphQLInterfaceType | GraphQLObjectType)]

    @st.composite
    def generate(draw: st.DrawFn) -> Operation:
        rng = RandomSource(draw(byte_strings))
        return _OperationGenerator(
            rng, schema, scopes, ArgumentPrinter(rng, ArgumentGenerator(rng, schema, data, options))
        ).operation()

    return generate()
