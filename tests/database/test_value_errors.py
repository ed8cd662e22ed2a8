"""Values that no column can hold are errors of the client, and unexpected errors stay in the format of their API."""

from collections.abc import Callable
from uuid import uuid4

import pytest

from tests.support.api_clients import ApiClient, GraphQLClient, RestClient, expect_error
from tests.support.service import SECRET, PostgresServer, run_service, run_sql, settings_for
from tests.support.users import PASSWORD, TestUser, sign_token


@pytest.mark.parametrize("kind", [RestClient, GraphQLClient], ids=["rest", "graphql"])
def test_value_that_no_column_can_hold_is_invalid_input(database: PostgresServer, kind: Callable[..., ApiClient]) -> None:
    """The columns are narrower than the limits of the input schemas, as if a check were missing."""
    narrow = {"task": "title", "task_list": "name", "tag": "name", "comment": "body", "user": "name", "api_token": "name"}
    long = "x" * 60
    with run_service(settings_for(database), database) as service:
        user = TestUser.register(service.url)
        with kind(service.url, user.token) as client, kind(service.url, None) as anonymous:
            task_id = client.create("task", title="x")["id"]
            for table, column in narrow.items():
                run_sql(database.owner, f'ALTER TABLE "{table}" ALTER {column} TYPE varchar(40)')
            calls: list[Callable[[], object]] = [
                lambda: client.create("task", title=long),
                lambda: client.update("task", task_id, title=long),
                lambda: client.create("list", name=long),
                lambda: client.create("tag", name=long[:50]),
                lambda: client.comment(task_id, long),
                lambda: client.make_api_token(name=long, scopes=["account"]),
                lambda: client.change_me(name=long),
                lambda: anonymous.register(email=f"{uuid4().hex}@example.com", password=PASSWORD, name=long),
                lambda: external.page("task"),
            ]
            with kind(service.url, sign_token({"sub": "ada", "name": long}, SECRET)) as external:
                for call in calls:
                    with expect_error("INVALID_INPUT") as error:
                        call()
                    assert error.value.detail == "A value is out of range."
            assert client.page("task")[0]["title"] == "x"


def test_unexpected_error_in_a_cached_operation_is_a_graphql_error(database: PostgresServer) -> None:
    with run_service(settings_for(database), database) as service:
        user = TestUser.register(service.url)
        with GraphQLClient(service.url, user.token) as client:
            body = {"query": "{ tags { nodes { name } } }"}
            assert [client.post(body) for _ in range(2)] == [{"data": {"tags": {"nodes": []}}}] * 2
            run_sql(database.owner, "ALTER TABLE tag RENAME TO renamed")

            response = client.http.post("/graphql", json=body, headers={"Accept": "application/graphql-response+json"})

    assert (response.status_code, response.headers["content-type"].split(";")[0]) == (500, "application/graphql-response+json")
    assert response.json() == {
        "errors": [{"message": "Internal server error", "extensions": {"code": "INTERNAL", "status": 500}}]
    }
