"""SMPP 3.4 without IO: PDUs, codec, framing, window, timers and one session machine for ESME and SMSC.

Octets in, events out; octets to send come back as values. Nothing here knows a socket, a clock, a store or our domain.
Start with ``session``; what it promises is written down in docs/smpp.md.
"""
