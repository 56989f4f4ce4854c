"""The domain's values: numbers, texts, consent, evidence, permits, refusals.

Values only. Nothing here reads a clock, a socket or a table; whatever a package must tell another one about our domain
is said in these types. Line, subscriber, carrier and the other words are those of the glossary in
``docs/architecture.md``.
"""
