"""Tables, validated input shapes, and the database they live in. Imports nothing of ours."""
