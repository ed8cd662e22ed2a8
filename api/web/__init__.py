"""Web pages for browsers: security headers, the start page and the favicon."""
