"""What Eve tries, to get at what is Ada's: every route and every field that takes a token, and some more.

With the second lock open, too, each of them succeeds: it shows Ada's words or changes Ada's rows, unless it is named below.
"""

import json
from collections.abc import Callable, Mapping

import httpx

from tests.isolation.test_route_coverage import root_document
from tests.support.permission_matrix import OPEN, REST, ROOTS, Expected
from tests.support.resource_owner import KINDS
from tests.support.service import SECRET
from tests.support.table_rows import EVE, key, refresh_token
from tests.support.users import PASSWORD, signed

HERS = {kind: key(kind, "ada's") for kind in KINDS} | {"user": "me"}
# Rows that both have, under the same ids; below them is what only one of them has.
TWIN = {kind: key(kind, "") for kind in KINDS} | {"user": "me"}

Call = Callable[[httpx.Client, str], httpx.Response]


def rest(route: str, expected: Expected, ids: Mapping[str, str]) -> Call:
    method, path = route.split(" ")
    body = {} if expected.json is None else {"json": json.loads(fill(json.dumps(expected.json), ids))}
    return lambda http, url: http.request(method, url + fill(path + expected.query, ids), **body)


def graph(document: str, ids: Mapping[str, str]) -> Call:
    return lambda http, url: http.post(f"{url}/graphql", json={"query": fill(document, ids)})


def fill(text: str, ids: Mapping[str, str]) -> str:
    for kind, row_id in ids.items():
        text = text.replace(f"{{{kind}}}", row_id)
    return text


_DEEP = (
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
CALLS: dict[str, Call] = {
    **{route: rest(route, expected, HERS) for route, expected in REST.items() if expected.scope is not OPEN},
    **{
        f"{kind} {name}": graph(root_document(kind, name, root), HERS)
        for kind, roots in ROOTS.items()
        for name, root in roots.items()
        if root.scope is not OPEN
    },
    **{f"filter {tree}": rest("GET /api/me/tasks", Expected(None, f"?filter={json.dumps(tree)}"), {}) for tree in _FILTERS},
    "newcomer": lambda http, url: http.get(
        f"{url}/api/me/tasks", headers={"Authorization": f"Bearer {signed({'sub': 'mallory'}, SECRET)}"}
    ),
    "search": rest("GET /api/me/tasks", Expected(None, '?search="secret of ada"'), {}),
    "her id": rest("POST /api/me/tasks", Expected(None, json={"id": "{task}", "title": "x"}), HERS),
    "totals": graph("{ tasks { totalCount } lists { totalCount } tags { totalCount nodes { tasks { totalCount } } } }", {}),
    "twin": graph(f'{{ task(id: "{{task}}") {{ {_DEEP} }} }}', TWIN),
    "node": graph('{ node(id: "{tag}") { ... on Tag { name tasks { nodes { title } } } } }', HERS),
}
_REFRESH = refresh_token(EVE, "eve's")
_KNOWN = [
    f'logIn(input: {{email: "{EVE}@example.com", password: "{PASSWORD}"}}) {{ user {{ name }} }}',
    f'refresh(input: {{refreshToken: "{_REFRESH}"}}) {{ user {{ name }} }}',
    f'logOut(input: {{refreshToken: "{_REFRESH}"}}) {{ __typename }}',
]
CALLS |= {f"by {document.split('(')[0]}": graph(f"mutation {{ {document} }}", {}) for document in _KNOWN}

# What the keys stop: such a row would refer to Ada's.
STOPPED = {"POST /api/{user}/tasks", "POST /api/{user}/tasks/{task}/comments"}
STOPPED |= {"mutation createTask", "mutation createTasks", "mutation addComment"}
# What fails where there are two accounts instead of one.
CONFUSED = {"GET /api/auth/me", "PATCH /api/auth/me", "query viewer", "mutation updateAccount", "by logIn"}
# What touches no row but the counter of revisions, which counts for everybody then.
COUNTED = {"POST /api/{user}/lists", "POST /api/{user}/tags", "mutation createList", "mutation createTag"}
# What tells that there is something of Ada's without showing it.
TOLD = {"totals", "query node", "her id", "newcomer"}
