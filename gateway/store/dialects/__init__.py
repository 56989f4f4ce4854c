"""How each engine's SQL differs from the others': one module an engine (the port is ``gateway.store.tx.Dialect``)."""
