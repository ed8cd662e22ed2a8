"""Attacks of one user with bulk mutations, on subtasks that nest as deeply as older versions allowed."""

import json
from collections.abc import Sequence
from contextlib import closing
from uuid import UUID

import psycopg2

from bench.attack import attacker
from bench.attack.documents import send_documents

_CHAINS = 8  # one for each concurrent request
_CHAIN_LENGTH = 3_000
_BULK_SIZE = 500
_INSERT_CHAINS = """
INSERT INTO task (user_id, id, parent_id, title, title_sort_key, search_lexemes, status, priority, position,
                  created_at, updated_at, revision)
SELECT %(user_id)s, lpad(to_hex(number), 32, '0')::uuid,
       CASE WHEN number %% %(length)s > 0 THEN lpad(to_hex(number - 1), 32, '0')::uuid END,
       'Subtask', 'subtask', '', 'pending', 'none', number, now(), now(), 1
FROM generate_series(0, %(chains)s * %(length)s - 1) AS number
"""
_DELETE_TASKS = "mutation ($ids: [ID!]!) { deleteTasks(ids: $ids) { ids } }"
_UPDATE_TASKS = "mutation ($ids: [ID!]!, $input: UpdateTaskInput!) { updateTasks(ids: $ids, input: $input) { tasks { id } } }"
_CREATE_TASKS = "mutation ($inputs: [CreateTaskInput!]!) { createTasks(inputs: $inputs) { tasks { id } } }"


def insert_chains(url: str, owner_url: str) -> None:
    """Register the attacker, and insert chains of tasks in which each one is the subtask of the one before."""
    values = {"user_id": attacker.register(url), "chains": _CHAINS, "length": _CHAIN_LENGTH}
    with closing(psycopg2.connect(owner_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(_INSERT_CHAINS, values)


def delete_deep_subtasks(url: str) -> list[int]:
    """Delete the top 500 of a chain of 3,000 subtasks, in 8 concurrent requests, each for another chain."""
    return _send(url, [_body(_DELETE_TASKS, ids=_ids(chain, 0)) for chain in range(_CHAINS)])


def update_deep_subtasks(url: str) -> list[int]:
    """Update 500 subtasks below the top 500 of a chain, in 8 concurrent requests.

    With a list in the input, the service looks up the ancestors of each task.
    """
    change = {"priority": "HIGH", "listId": None}
    return _send(url, [_body(_UPDATE_TASKS, ids=_ids(chain, _BULK_SIZE), input=change) for chain in range(_CHAINS)])


def create_bulks(url: str) -> list[int]:
    """Create 500 tasks in each of 8 concurrent requests."""
    inputs = [{"title": f"Task {number}"} for number in range(_BULK_SIZE)]
    return _send(url, [_body(_CREATE_TASKS, inputs=inputs)] * _CHAINS)


def _ids(chain: int, first: int) -> list[str]:
    start = chain * _CHAIN_LENGTH + first
    return [str(UUID(int=number)) for number in range(start, start + _BULK_SIZE)]


def _body(document: str, **variables: object) -> str:
    return json.dumps({"query": document, "variables": variables})


def _send(url: str, bodies: Sequence[str]) -> list[int]:
    return send_documents(url, bodies, attacker.log_in(url))
