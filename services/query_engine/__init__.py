"""Query engine: reads JSON objects as described by query nodes, with one SELECT per node.

`entity_registry` declares the readable entities, `query_model` describes a query. `planning` compiles query nodes to SQL and
caches the plans, `execution` runs a plan and maps the rows to JSON objects.
"""
