"""The door of a Zalo Official Account: signed webhooks in, the OpenAPI v3 out.

`events` understands a webhook and `signature` tells whether it is genuine; `routes` takes it in. `drawing` writes a
part as Zalo wants it, `api` and `errors` send it and understand the refusal, `tokens` keeps the key, `door` uses all.
"""
