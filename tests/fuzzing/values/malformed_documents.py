"""Malformed and oversized GraphQL documents."""

from collections.abc import Callable, Mapping

from hypothesis import strategies as st

from tests.fuzzing.values.malformed_values import HUGE, strings

# The largest sizes exceed the token limit, the ones below Python's recursion limit, the ones below the query cost.
SIZES = st.sampled_from([1, 3, 30, 60, 120, 180, 250, 800, 1600, 2400, 6000])

# Documents by size. Some are fragments of syntax inside a simple operation.
SIZED_DOCUMENTS: Mapping[str, Callable[[int], str]] = {
    "deep selections": lambda size: "{ tasks { nodes { " + "parent { " * size + "id" + " }" * size + " } } }",
    "deep lists": lambda size: "{ tasks(filter: {and: " + "[" * size + "]" * size + "}) { totalCount } }",
    "deep filters": lambda size: "{ tasks(filter: " + "{not: " * size + "{}" + "}" * size + ") { totalCount } }",
    "deep inline fragments": lambda size: "{" + " ... {" * size + " __typename" + " }" * size + "}",
    "deep types": lambda size: "query($x: " + "[" * size + "Int" + "]" * size + ") { viewer { id } }",
    "deep introspection": lambda size: (
        "{ __schema { types { fields { type { " + "ofType { " * size + "name" + " }" * size + " } } } } }"
    ),
    "wide introspection": lambda size: "{ " + " ".join(f"a{n}: __schema {{ types {{ name }} }}" for n in range(size)) + " }",
    "aliases": lambda size: "{ viewer { " + " ".join(f"a{n}: id" for n in range(size)) + " } }",
    "aliased roots": lambda size: "{ " + " ".join(f"a{n}: tasks(first: {n}) {{ totalCount }}" for n in range(size)) + " }",
    "aliased mutations": lambda size: (
        "mutation { " + " ".join(f"a{n}: toggleTask(id: {n}) {{ task {{ id }} }}" for n in range(size)) + " }"
    ),
    "the same field": lambda size: "{ viewer { " + "id " * size + " } }",
    "the same field with others below": lambda size: "{ " + " ".join(f"viewer {{ a{n}: id }}" for n in range(size)) + " }",
    "fields in conflict": lambda size: "{ " + " ".join(f"tasks(first: {n}) {{ totalCount }}" for n in range(size)) + " }",
    "directives": lambda size: "{ viewer { id " + "@include(if: true) " * size + "} }",
    "unknown directives": lambda size: "{ viewer { id " + " ".join(f"@d{n}(x: [{n}])" for n in range(size)) + "} }",
    "variables": lambda size: "query(" + " ".join(f"$v{n}: Int = {n}" for n in range(size)) + ") { viewer { id } }",
    "the same variable": lambda size: "query(" + "$v: Int " * size + ") { tasks(first: $v) { totalCount } }",
    "operations": lambda size: " ".join(f"query Q{n} {{ viewer {{ id }} }}" for n in range(size)),
    "operations without names": lambda size: "{ viewer { id } } " * size,
    "exponential fragments": lambda size: (
        "{ viewer { ...F0 } } "
        + " ".join(f"fragment F{n} on Viewer {{ ...F{n + 1} ...F{n + 1} }}" for n in range(size))
        + f" fragment F{size} on Viewer {{ id }}"
    ),
    "cyclic fragments": lambda size: (
        "{ viewer { ...F0 } } " + " ".join(f"fragment F{n} on Viewer {{ id ...F{(n + 1) % size} }}" for n in range(size))
    ),
    "unused fragments": lambda size: "{ viewer { id } } " + " ".join(f"fragment F{n} on Task {{ id }}" for n in range(size)),
    "spreads": lambda size: "{ viewer { " + "...F " * size + "} } fragment F on Viewer { id }",
    "long names": lambda size: "{ " + "x" * size + ": viewer { id } }",
    "long comments": lambda size: "#" + "x" * size + "\n{ viewer { id } }",
    "many commas": lambda size: "{" + "," * size + " viewer { id } }",
    "long lists": lambda size: "{ tasks(filter: {title: {in: [" + '"x" ' * size + "]}}) { totalCount } }",
    "long strings": lambda size: '{ tasks(search: "' + "milk " * size + '") { totalCount } }',
    "block strings": lambda size: '{ tasks(search: """' + "\n  x" * size + '""") { totalCount } }',
    "many ids": lambda size: "mutation { completeTasks(ids: [" + '"x" ' * size + "]) { tasks { id } } }",
    "unfinished": lambda size: "{ viewer { id " * size,
}

SINGLE_DOCUMENTS = (
    "",
    "#",
    "{",
    "}",
    "{}",
    "{ }",
    "{ viewer {} }",
    "query",
    "fragment F on Viewer { id }",
    "subscription { viewer { id } }",
    "subscription { changes { revision } }",
    "type Query { a: Int }",
    "schema { query: Query }",
    "extend type Viewer { password: String }",
    "{ viewer { id } } type A { a: Int }",
    "query Q { viewer { id } } query Q { viewer { email } }",
    "{ viewer }",
    "{ viewer { id { id } } }",
    "{ nothing }",
    "{ ...F }",
    "{ ... on Task { id } }",
    "{ ... @include(if: true) { viewer { id } } }",
    "{ viewer { ... @defer { id } } }",
    "{ tasks { nodes @stream(initialCount: 1) { id } } }",
    "{ viewer { id @skip } }",
    "{ viewer { id @include(if: null) } }",
    'query @skip(if: "x") { viewer { id } }',
    "query($v: Int = $v) { viewer { id } }",
    "query($v: Viewer) { viewer { id } }",
    "query($v: Nothing!) { viewer { id } }",
    "query($v: Boolean!) { viewer { id @skip(if: $v) } }",
    "{ tasks(first: $undefined) { totalCount } }",
    "{ __type(name: null) { name } }",
    '{ __type(name: "\\ud800") { name } }',
    '{ tasks(search: "\\u{110000}") { totalCount } }',
    '{ tasks(search: "\\ud83d") { totalCount } }',
    '{ tasks(search: "\\x") { totalCount } }',
    '{ tasks(search: """unended) { totalCount } }',
    "{ tasks(first: 01) { totalCount } }",
    "{ tasks(first: 1e999) { totalCount } }",
    "{ tasks(first: -0) { totalCount } }",
    "{ tasks(first: 1.0) { totalCount } }",
    "{ tasks(orderBy: TITLE) { totalCount } }",
    "{ tasks(filter: {not: null}) { totalCount } }",
    "{ tasks(filter: {title: {eq: null}}) { totalCount } }",
    "{ tasks(filter: {title: {eq: 5}, title: {eq: 6}}) { totalCount } }",
    "\ufeff{ viewer { id } }",
    "{\u00a0viewer { id } }",
    "{ viewer { id } }\x00",
    "mutation { __typename }",
    "mutation { deleteTask { id } }",
    "mutation M($id: ID!) { a: deleteTask(id: $id) { id } b: deleteTask(id: $id) { id } }",
    *(f"{{ tasks(first: {number}) {{ totalCount }} }}" for number in HUGE),
    *(
        f'mutation {{ createTask(input: {{title: "x", position: {number}}}) {{ task {{ id }} }} }}'
        for number in (*HUGE, "1e400", "-1e308")
    ),
)

sized_documents = st.builds(lambda build, size: build(size), st.sampled_from(list(SIZED_DOCUMENTS.values())), SIZES)
malformed_documents = st.one_of(sized_documents, st.sampled_from(SINGLE_DOCUMENTS), strings)
