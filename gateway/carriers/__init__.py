"""The carriers: binds kept bound, permits written, texts handed in.

Knows sockets, SMPP sessions and carriers' habits; knows no table, no consent and no policy. Bytes become ``Mo``,
``Receipt`` or ``Unreadable`` on the way in; on the way out only a ``Permit`` is ever transmitted. ``interface`` holds
the conversation with traffic; docs/carriers.md tells how a bind lives.
"""
