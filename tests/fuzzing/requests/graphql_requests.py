"""Fuzzers for GraphQL requests: operations, documents, transport and mutations."""

from hashlib import sha256
from typing import Any

from graphql import GraphQLField, GraphQLInterfaceType, GraphQLObjectType, get_named_type, is_leaf_type, is_required_argument
from hypothesis import strategies as st

from services.query_engine.case_conversion import to_snake_case
from tests.fuzzing.disposable_accounts import DisposableAccount
from tests.fuzzing.requests.http_requests import request_bodies
from tests.fuzzing.requests.paths import url_with_query
from tests.fuzzing.response_checks import check_graphql_response, codes
from tests.fuzzing.target import Target
from tests.fuzzing.values.malformed_documents import malformed_documents
from tests.fuzzing.values.malformed_values import as_json, deep, mutate_text, mutate_tree, trees
from tests.property.argument_values import ArgumentGenerator, GenerationOptions
from tests.property.operation_generator import Operation, operations
from tests.property.random_source import RandomSource

QUERY = "query Q($n: Int) { tasks(first: $n) { totalCount } }"
ACCEPTS = (
    "application/json",
    "application/graphql-response+json",
    "application/graphql-response+json, application/json;q=0.9",
    "text/event-stream",
    "multipart/mixed",
    "application/xml",
    "*/*;q=0",
    "",
)


def fuzz_operations(target: Target, data: st.DataObject) -> None:
    """Run a valid query with a mutated document, mutated variables or a mutated name."""
    operation: Operation = data.draw(
        operations(target.schema, target.reference, GenerationOptions(invalid_percent=20, null_percent=5)), label="operation"
    )
    request: dict[str, Any] = {"query": operation.document, "variables": operation.variables, "operationName": operation.name}
    mutation = data.draw(st.integers(0, 3), label="mutated part")
    if mutation == 0:
        request["query"] = data.draw(mutate_text(operation.document), label="query")
    elif mutation == 1:
        request["variables"] = data.draw(mutate_tree(operation.variables), label="variables")
    elif mutation == 2:
        request = data.draw(mutate_tree(request), label="request")
    body = as_json(request)
    if data.draw(st.integers(0, 9), label="deep") == 9:
        body = body[:-1] + b', "variables": ' + data.draw(deep()).encode() + b"}"
    target.graphql(target.token, body)


def fuzz_documents(target: Target, data: st.DataObject) -> None:
    """Run a malformed or oversized document."""
    document = data.draw(malformed_documents, label="document")
    variables = data.draw(st.one_of(st.none(), st.dictionaries(st.sampled_from(["v", "x", "id"]), trees, max_size=2)))
    target.graphql(target.token, {"query": document, "variables": variables})


def fuzz_transport(target: Target, data: st.DataObject) -> None:
    """Send a valid request with invalid headers, parameters or encoding, by POST or GET."""
    request: dict[str, Any] = {"query": QUERY, "variables": {"n": 1}, "operationName": "Q"}
    request["extensions"] = {"cost": True, "persistedQuery": {"version": 1, "sha256Hash": sha256(QUERY.encode()).hexdigest()}}
    if data.draw(st.booleans(), label="by its hash"):
        del request["query"]
    accept = data.draw(st.just("*/*") | st.sampled_from(ACCEPTS), label="accept")
    headers = {"Authorization": f"Bearer {target.token}", "Accept": accept}
    if data.draw(st.booleans(), label="get"):
        mutated_request = data.draw(st.one_of(st.just(request), mutate_tree(request)), label="request")
        fields = mutated_request if isinstance(mutated_request, dict) else {"query": mutated_request}
        query = {name: value if isinstance(value, str) else as_json(value).decode() for name, value in fields.items()}
        check_graphql_response(target.send("GET", url_with_query("/graphql", query), headers=headers))
        return
    body = data.draw(request_bodies([request] if data.draw(st.integers(0, 5)) == 5 else request), label="body")
    headers["Content-Type"] = data.draw(st.sampled_from([*["application/json"] * 4, "text/plain", "application/jsonfoo", ""]))
    check_graphql_response(target.send("POST", "/graphql", headers=headers, content=body))


def fuzz_mutations(target: Target, data: st.DataObject) -> None:
    """Run a mutation with at most one invalid argument as a disposable account."""
    assert target.schema.mutation_type is not None
    account = target.accounts.current()
    name = data.draw(st.sampled_from(list(target.schema.mutation_type.fields)), label="mutation")
    field = target.schema.mutation_type.fields[name]
    values = ArgumentGenerator(
        RandomSource(data.draw(st.binary(min_size=100, max_size=100))), target.schema, account, GenerationOptions()
    )
    arguments = _with_known_secrets(values.of(field, top=True, max_rows=5)[0], account)
    arguments = data.draw(st.one_of(st.just(arguments), mutate_tree(arguments)), label="arguments")
    arguments = {key: value for key, value in arguments.items() if key in field.args} if isinstance(arguments, dict) else {}
    replace_account = data.draw(st.integers(0, 30)) == 30
    body = target.graphql(account.token, {"query": _document(name, field, arguments), "variables": arguments})
    if replace_account or "UNAUTHENTICATED" in codes(body):
        target.accounts.replace(account.token)


def _with_known_secrets(tree: Any, account: DisposableAccount) -> Any:
    """Return the arguments with the account's own secrets where secrets are expected."""
    if not isinstance(tree, dict):
        return tree
    return {
        name: account.known_values.get(to_snake_case(name), _with_known_secrets(value, account)) for name, value in tree.items()
    }


def _document(name: str, field: GraphQLField, arguments: dict[str, Any]) -> str:
    declared = ", ".join(f"${argument}: {field.args[argument].type}" for argument in arguments)
    used = ", ".join(f"{argument}: ${argument}" for argument in arguments)
    call = f"{name}({used})" if arguments else name
    return f"mutation {f'({declared})' if arguments else ''} {{ {call} {_selection(get_named_type(field.type), 3)} }}"


def _selection(type_: Any, depth: int) -> str:
    """Return a selection of all fields without required arguments, down to a depth."""
    if is_leaf_type(type_):
        return ""
    assert isinstance(type_, GraphQLObjectType | GraphQLInterfaceType)
    selectable = {
        name: get_named_type(field.type)
        for name, field in type_.fields.items()
        if not any(map(is_required_argument, field.args.values()))
    }
    parts = [f"{name} {_selection(below, depth - 1)}" for name, below in selectable.items() if depth > 1 or is_leaf_type(below)]
    return f"{{ __typename {' '.join(parts)} }}"
