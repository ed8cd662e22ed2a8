"""Fuzzer for the arguments of GraphQL connections."""

from typing import Any

from hypothesis import strategies as st

from tests.fuzzing.response_checks import codes
from tests.fuzzing.target import Target
from tests.fuzzing.values.malformed_values import mutate_tree
from tests.property.argument_values import ArgumentGenerator, GenerationOptions
from tests.property.random_source import RandomSource

EXPECTED_CODES = {"INVALID_INPUT", "QUERY_TOO_COMPLEX"}
_BYTES = st.binary(min_size=200, max_size=200)


def arguments(target: Target, data: st.DataObject, field: str) -> dict[str, Any]:
    """Return arguments for a connection, most of the time with one invalid value."""
    assert target.schema.query_type is not None
    values = ArgumentGenerator(RandomSource(data.draw(_BYTES)), target.schema, target.reference, GenerationOptions())
    arguments, _ = values.of(target.schema.query_type.fields[field], top=True, max_rows=10)
    return dict(
        data.draw(st.one_of(st.just(arguments), *([mutate_tree(arguments)] * 3)).filter(lambda drawn: isinstance(drawn, dict)))
    )


def fuzz_arguments(target: Target, data: st.DataObject) -> None:
    """Request a page of tasks, lists or tags with random arguments in variables."""
    assert target.schema.query_type is not None
    fields = target.schema.query_type.fields
    field = data.draw(st.sampled_from([name for name in fields if "after" in fields[name].args]), label="field")
    known_arguments = {name: value for name, value in arguments(target, data, field).items() if name in fields[field].args}
    data.draw(st.just(known_arguments), label="arguments")
    declared = ", ".join(f"${name}: {fields[field].args[name].type}" for name in known_arguments)
    used = ", ".join(f"{name}: ${name}" for name in known_arguments)
    document = (
        f"query({declared}) {{ page: {field}({used}) {{ totalCount nodes {{ id }} }} }}"
        if known_arguments
        else f"{{ {field} {{ totalCount }} }}"
    )
    body = target.graphql(target.token, {"query": document, "variables": known_arguments})
    assert codes(body) <= EXPECTED_CODES, body
