"""Planning: query nodes to SQL, one statement per relation level."""
