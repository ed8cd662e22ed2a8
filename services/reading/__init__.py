"""The one read engine: graph → selection → plan → tree.

graph.py says what entities and relations there are, selection.py what a request wants of them, planner.py makes the plan of that
(one flat SELECT per relation level; plans.py keeps it), and engine.py runs it and assembles JSON-ready trees.
"""
