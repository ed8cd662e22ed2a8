"""Enum values on a database with a Turkish locale, in which the capital of i is İ."""

from collections.abc import Iterator

import pytest

from models.task import Priority, Status
from tests.support.api_clients import ApiClient, GraphQLClient, RestClient, expect_error
from tests.support.icu_postgres import run_icu_postgres
from tests.support.service import PostgresServer, run_service, run_sql, settings_for
from tests.support.users import TestUser


@pytest.fixture(scope="module")
def turkish_database() -> Iterator[PostgresServer]:
    with run_icu_postgres("tr-TR") as running:
        yield running


@pytest.mark.parametrize("client_type", [RestClient, GraphQLClient], ids=["rest", "graphql"])
def test_enum_values_do_not_depend_on_the_locale(
    turkish_database: PostgresServer, client_type: type[RestClient | GraphQLClient]
) -> None:
    assert run_sql(turkish_database.owner, "SELECT upper('i')") == [("İ",)]
    with run_service(settings_for(turkish_database), turkish_database) as running:
        client: ApiClient = client_type(running.url, TestUser.register(running.url).token)
        with client:
            for status in Status:
                assert client.create("task", title="x", status=status)["status"] == status
            for priority in Priority:
                assert client.create("task", title="x", priority=priority)["priority"] == priority
            rows = client.page("task", limit=50)
            assert {row["status"] for row in rows} == set(Status)
            assert {row["priority"] for row in rows} == set(Priority)


@pytest.mark.parametrize("client_type", [RestClient, GraphQLClient], ids=["rest", "graphql"])
def test_order_and_uniqueness_of_texts_do_not_depend_on_the_locale(
    turkish_database: PostgresServer, client_type: type[RestClient | GraphQLClient]
) -> None:
    names = ["Äpfel 10", "apple 2", "ice", "IOTA", "zoo", "\u0131p"]
    with run_service(settings_for(turkish_database), turkish_database) as running:
        client: ApiClient = client_type(running.url, TestUser.register(running.url).token)
        with client:
            for name in reversed(names):
                client.create("task", title=name)
                client.create("tag", name=name)

            assert [row["title"] for row in client.page("task", sort="title")] == names
            assert [row["name"] for row in client.page("tag")] == names
            with expect_error("CONFLICT"):
                client.create("tag", name="ICE")
            assert [row["title"] for row in client.page("task", search="ICE")] == ["ice"]
