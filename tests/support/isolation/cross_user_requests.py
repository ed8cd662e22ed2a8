"""Requests of EVE for rows of ADA: every authenticated route and field, and further requests.

Without row-level security and the service's own filters each request succeeds, except those listed at the end.
"""

import json
from collections.abc import Callable, Mapping

import httpx

from tests.support.isolation.permission_matrix import PUBLIC, REST, ROOTS, RouteSpec, fill_ids, root_field_document
from tests.support.isolation.resource_owner import KINDS
from tests.support.service import SECRET
from tests.support.table_rows import EVE, refresh_token, row_id
from tests.support.users import PASSWORD, sign_token

VICTIM_IDS = {kind: row_id(kind, "ada's") for kind in KINDS} | {"user": "me"}
# Both users have rows with these ids; rows with VICTIM_IDS belong to ADA only.
SHARED_IDS = {kind: row_id(kind, "") for kind in KINDS} | {"user": "me"}

Request = Callable[[httpx.Client, str], httpx.Response]


def rest_request(route: str, spec: RouteSpec, ids: Mapping[str, str]) -> Request:
    method, path = route.split(" ")
    body = {} if spec.json is None else {"json": json.loads(fill_ids(json.dumps(spec.json), ids))}
    return lambda http, url: http.request(method, url + fill_ids(path + spec.query, ids), **body)


def graphql_request(document: str, ids: Mapping[str, str]) -> Request:
    return lambda http, url: http.post(f"{url}/graphql", json={"query": fill_ids(document, ids)})


_NESTED_FIELDS = (
    "list { name tasks { totalCount } } parent { title } tags { name tasks { totalCount } } "
    "subtasks { totalCount nodes { title } } comments { nodes { body task { title } } }"
)
_FILTERS = [
    {"list": {"name": {"contains": "ada"}}},
    {"tags": {"some": {"name": {"contains": "ada"}}}},
    {"comments": {"some": {"body": {"contains": "ada"}}}},
    {"subtasks": {"some": {"title": {"contains": "ada"}}}},
    {"not": {"comments": {"every": {"body": {"contains": "eve"}}}}},
]
REQUESTS: dict[str, Request] = {
    **{route: rest_request(route, spec, VICTIM_IDS) for route, spec in REST.items() if spec.scope is not PUBLIC},
    **{
        f"{kind} {name}": graphql_request(root_field_document(kind, name, field_spec), VICTIM_IDS)
        for kind, roots in ROOTS.items()
        for name, field_spec in roots.items()
        if field_spec.scope is not PUBLIC
    },
    **{
        f"filter {condition}": rest_request("GET /api/me/tasks", RouteSpec(None, f"?filter={json.dumps(condition)}"), {})
        for condition in _FILTERS
    },
    "new user": lambda http, url: http.get(
        f"{url}/api/me/tasks", headers={"Authorization": f"Bearer {sign_token({'sub': 'mallory'}, SECRET)}"}
    ),
    "search": rest_request("GET /api/me/tasks", RouteSpec(None, '?search="secret of ada"'), {}),
    "id of the victim": rest_request("POST /api/me/tasks", RouteSpec(None, json={"id": "{task}", "title": "x"}), VICTIM_IDS),
    "totals": graphql_request(
        "{ tasks { totalCount } lists { totalCount } tags { totalCount nodes { tasks { totalCount } } } }", {}
    ),
    "shared ids": graphql_request(f'{{ task(id: "{{task}}") {{ {_NESTED_FIELDS} }} }}', SHARED_IDS),
    "node": graphql_request('{ node(id: "{tag}") { ... on Tag { name tasks { nodes { title } } } } }', VICTIM_IDS),
}
_REFRESH = refresh_token(EVE, "eve's")
_AUTH_FIELDS = [
    f'logIn(input: {{email: "{EVE}@example.com", password: "{PASSWORD}"}}) {{ user {{ name }} }}',
    f'refresh(input: {{refreshToken: "{_REFRESH}"}}) {{ user {{ name }} }}',
    f'logOut(input: {{refreshToken: "{_REFRESH}"}}) {{ __typename }}',
]
REQUESTS |= {f"by {document.split('(')[0]}": graphql_request(f"mutation {{ {document} }}", {}) for document in _AUTH_FIELDS}

# Requests whose row would reference a row of ADA.
BLOCKED_BY_FOREIGN_KEYS = {"POST /api/{user}/tasks", "POST /api/{user}/tasks/{task}/comments"}
BLOCKED_BY_FOREIGN_KEYS |= {"PUT /api/{user}/tasks/{task}", "PUT /api/{user}/tasks/{task}/tags/{tag}"}
BLOCKED_BY_FOREIGN_KEYS |= {"mutation createTask", "mutation createTasks", "mutation updateTasks", "mutation addTags"}
BLOCKED_BY_FOREIGN_KEYS |= {"mutation addComment"}
# Requests that fail because they find two accounts.
AMBIGUOUS_ACCOUNT = {"GET /api/auth/me", "PATCH /api/auth/me", "query viewer", "mutation updateAccount", "by logIn"}
# Requests that change nothing but all users' revision counters.
REVISION_ONLY = {"POST /api/{user}/lists", "POST /api/{user}/tags", "mutation createList", "mutation createTag"}
# Requests that reveal the existence of rows without showing them.
EXISTENCE_LEAK = {
    "totals",
    "query node",
    "id of the victim",
    "new user",
    "POST /api/{user}/tags/{tag}/merge",
    "mutation mergeTags",
}
