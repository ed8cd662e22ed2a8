"""The one read engine: graph → selection → plan → tree.

graph.py says what entities and relations there are, selection.py what a request wants of them, plan.py which flat SELECTs that
takes (one per relation level), and engine.py runs them and assembles JSON-ready trees.
"""
