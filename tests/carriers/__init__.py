"""Tests of gateway.carriers: pure parts by enumeration, binds against an SMSC session over a wire in memory."""
