"""Planning: compiles query nodes to SQL, one statement per node."""
