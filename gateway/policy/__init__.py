"""How a text is read and what follows from it: pure functions over values, no clock, no table, no socket.

The way through: ``options`` (what the configuration says of a line) -> ``compile`` (the same, ready for matching) ->
``read`` (what does this text say?) -> ``decide`` (what follows, given this subscriber's standing?) -> ``transitions``
(the standing afterwards). ``grounds`` is the other half: may this message go to this subscriber now? The gate asks it
for every permit. Words and phrases are data: ``rules/*.toml``.
"""
