"""The query engine compared with the reference executor on generated operations.

A long run: `EXAMPLES=20000 pytest -n 0 tests/property/test_against_reference_executor.py`
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
from graphql import GraphQLEnumType, GraphQLInputObjectType, parse
from hypothesis import given
from hypothesis import strategies as st

from api.responses import encode_json
from graphql_schema.documents.bind_parameters import bindable_variables
from tests.property.argument_values import GenerationOptions
from tests.property.operation_generator import Operation, examples, operations
from tests.property.reference_executor import ReferenceExecutor
from tests.support.datasets import dump_tables, insert_datasets, varied_dataset
from tests.support.in_process_client import InProcessClient, in_process_client
from tests.support.service import PostgresServer

EXAMPLES = int(os.environ.get("EXAMPLES", "2000"))


@dataclass(frozen=True)
class Executors:
    """The query engine and the reference executor over the same data."""

    client: InProcessClient
    reference: ReferenceExecutor
    operations: st.SearchStrategy[Operation]
    invalid_operations: st.SearchStrategy[Operation]


@pytest.fixture(scope="module")
def executors(postgres: PostgresServer) -> Iterator[Executors]:
    """Executors over the data of a user, beside that of another user, which must never appear."""
    database = postgres.copy("template_todo")
    insert_datasets(database.owner, varied_dataset("ada"), varied_dataset("eve", tasks=12))
    reference = ReferenceExecutor(dump_tables(database.owner), "ada")
    with in_process_client(database, "ada") as client:
        invalid = operations(
            reference.schema, reference, GenerationOptions(invalid_percent=25, invalid_at_any_depth=True, null_percent=10)
        )
        yield Executors(client, reference, operations(reference.schema, reference), invalid)


def comparable(body: Mapping[str, Any]) -> tuple[bytes, list[tuple[list[str | int], str]]]:
    """Return the comparable parts of a response: the bytes of its data, and paths and codes of its errors."""
    errors = [(error.get("path"), error["extensions"]["code"]) for error in body.get("errors", ())]
    return encode_json(body.get("data")), errors


def check(executors: Executors, operation: Operation) -> None:
    """Compare both executors, also with other ids where ids are bind parameters."""
    check_once(executors, operation)
    bind_variables = set().union(*bindable_variables(parse(operation.document)).values())
    for other_id in executors.reference.values("Task", "id")[:3] if bind_variables & operation.variables.keys() else []:
        changed = {name: other_id for name in operation.variables if name in bind_variables}
        check_once(executors, replace(operation, variables=operation.variables | changed))


def check_once(executors: Executors, operation: Operation) -> None:
    """Compare the responses of both executors, first without the operation cache, then with it."""
    expected = executors.reference.run(parse(operation.document), operation.variables, operation.name).formatted
    for _ in ("uncached", "cached"):
        result = executors.client.run(operation.document, operation.variables, operation.name)
        # Generated operations are valid by graphql-core's rules, which the API applies.
        assert result.executed, result.body
        assert comparable(result.body) == comparable(expected)


@pytest.mark.timeout(max(600, EXAMPLES))
@examples(EXAMPLES)
@given(data=st.data())
def test_engine_matches_the_reference_executor(executors: Executors, data: st.DataObject) -> None:
    check(executors, data.draw(executors.operations, label="operation"))


@pytest.mark.parametrize("page", ["first: 5", "last: 5"])
def test_similar_orders_do_not_share_a_plan(executors: Executors, page: str) -> None:
    fields = executors.reference.schema.type_map["TaskOrderField"]
    assert isinstance(fields, GraphQLEnumType)
    for by in fields.values:
        for direction in ("ASC", "DESC"):
            order = f"orderBy: [{{field: {by}, direction: {direction}}}]"
            check(executors, Operation(f"{{ tasks({page}, {order}) {{ nodes {{ id }} }} }}", {}, None))


def test_similar_operators_do_not_share_a_plan(executors: Executors) -> None:
    operators = executors.reference.schema.type_map["IntFilter"]
    assert isinstance(operators, GraphQLInputObjectType)
    for revision in executors.reference.values("Task", "revision")[:3]:
        for operator in operators.fields:
            document = f"{{ tasks(first: 5, filter: {{revision: {{{operator}: {revision}}}}}) {{ totalCount nodes {{ id }} }} }}"
            check(executors, Operation(document, {}, None))


def error_codes(body: Mapping[str, Any]) -> dict[str | int | None, str]:
    """Return the error codes by root field; None stands for the operation."""
    errors = [(error.get("path") or [None], error.get("extensions", {})) for error in body.get("errors", ())]
    return {path[0]: extensions.get("code", "INVALID_INPUT") for path, extensions in errors}


@examples(EXAMPLES // 10)
@given(data=st.data())
def test_invalid_argument_at_any_depth_fails_only_its_root_field(executors: Executors, data: st.DataObject) -> None:
    operation = data.draw(executors.invalid_operations, label="operation")
    expected = executors.reference.run(parse(operation.document), operation.variables, operation.name).formatted
    result = executors.client.run(operation.document, operation.variables, operation.name)

    # The engine validates arguments before it reads rows, the reference at the first row that leads to them.
    failed, must_fail = error_codes(result.body), error_codes(expected)
    assert set(failed.values()) <= {"INVALID_INPUT", "NOT_FOUND"}
    assert failed or not must_fail
    assert all(failed[root] in {must_fail[root], "INVALID_INPUT"} for root in must_fail.keys() & failed.keys())
    expected_data, actual_data = expected.get("data") or {}, result.body.get("data") or {}
    assert all(expected_data[root] == actual_data[root] for root in expected_data.keys() & actual_data.keys() - failed.keys())


@pytest.mark.parametrize(
    ("document", "variables"),
    [
        ("query($b: Boolean = true) { tags { nodes { id @skip(if: $b) } } }", {"b": None}),
        (
            "query($d: OrderDirection = ASC) { tags { nodes { tasks(orderBy: {field: TITLE, direction: $d}) { __typename } } } }",
            {"d": None},
        ),
    ],
)
def test_null_passed_through_a_default_returns_422(executors: Executors, document: str, variables: dict[str, Any]) -> None:
    (error,) = executors.client.run(document, variables).body["errors"]

    assert error["extensions"] == {"code": "INVALID_INPUT", "status": 422}


def test_more_fields_than_database_columns_never_cause_a_database_error(executors: Executors) -> None:
    fields = " ".join(f"a{number}: title" for number in range(1700))
    result = executors.client.run(f"{{ tasks(first: 1) {{ nodes {{ {fields} }} }} }}")

    # The operation may succeed or be too complex, but the database must not fail.
    codes = [error["extensions"]["code"] for error in result.body.get("errors", ())]
    assert not {"UNAVAILABLE", "INTERNAL"} & set(codes)
