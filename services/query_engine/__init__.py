"""Query engine: query nodes to JSON objects, with one SELECT per relation level.

`entity_registry` describes what can be read, `query_model` a request for it. `planning` compiles a query node to SQL once per
shape, `execution` runs the plan and maps the rows to JSON objects.
"""
