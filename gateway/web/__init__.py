"""The HTTP face: the API, the status pages, and the servers that carry them. See docs/http.md."""
