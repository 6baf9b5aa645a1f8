"""Around every call, from outside in: proxies, observe (request id, log, metrics, audit), bodies, authenticate. Plain ASGI, for speed."""
