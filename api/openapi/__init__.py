"""OpenAPI: declared responses, customisation of the document, and the Swagger UI page."""
