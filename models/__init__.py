"""Tables, input schemas, and access to the database. Imports no other package of the project."""
