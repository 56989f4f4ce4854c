"""Writes docs/configuration.md from the option models: ``python -m gateway.config.document > docs/configuration.md``.

A house test compares the page with this output, so that no key can exist without being documented, and no documented
key without existing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from pydantic import BaseModel

from gateway.config.options import SECTIONS
from gateway.config.schema import Key, default, keys, kind

HEAD = """# Configuration

The gateway reads one TOML file: `gateway run -c gateway.toml`. Two complete examples are in the repository:
`config/demo.toml` for trying things out, and `config/production.toml` for a service under systemd. Every key below has
a default unless it is marked as required, so that a small file is a whole configuration:

```toml
[[carrier]]
name = "acme"
host = "smsc.example.net"
system_id = "me"
password_file = "acme-password"

[[line]]
address = "85700"
name = "Acme Alerts"
carriers = ["acme"]

[[line.keyword]]
word = "JOIN"
action = "join"
user_reply = "You're on the Acme list."
```

## Checking it

`gateway check -c gateway.toml` reads the file as the daemon would and tells every problem at once: the file, the key
(`line[85700].keyword[JOIN].action`), what is wrong and what would be right. Unknown keys, wrong types, names that do
not exist and words that clash are all errors; the exit status is then 78. Types are strict: `port = "2775"` is an
error, because a number belongs there. With `--strict`, warnings count as errors.

## Secrets

A key that holds a secret takes it in one of three ways:

| written as | where the secret is |
|---|---|
| `password_file = "acme-password"` | in a file: the service's credential of that name, else beside this one |
| `password = "env:ACME_PASSWORD"` | in an environment variable |
| `password = "…"` | in the configuration itself; then nobody else should be able to read it |

With `password_file = "credentials/acme-password"`, the service finds its credential `acme-password`, and root, who may
read the file itself, can run `gateway check`. Secrets appear in no log, no message and no hash.

## A carrier over TLS, with statuses of its own

```toml
[[carrier]]
name = "acme"
host = "smsc.example.net"
port = 3550
tls = true                                     # its certificate is verified, always
tls_ca = "/etc/gateway/acme-ca.pem"            # who signed it; without this, the system's list
tls_server_name = "smpp.example.net"           # the name in it, where that is not the host's
tls_cert = "/etc/gateway/our-certificate.pem"  # ours, where the carrier wants one
tls_key = "/etc/gateway/our-key.pem"
system_id = "me"
password_file = "acme-password"

[carrier.statuses]                             # of the carrier above it; the statuses are in quotes
"0x45" = "opted_out"                           # the carrier has written that it means just that
"0x401" = "retry"
"1026" = "throttle"
```

What each meaning does is told in [carriers](carriers.md#what-a-responses-status-means); there, too, are
[the steps to connect a carrier](carriers.md#connect-a-carrier).

## Changing it while the gateway runs

SIGHUP (`systemctl reload gateway`) reads the file again. Lines, keywords, `stop_scope`, `max_segments`, `max_backlog`
and `[log]` change at once. A carrier whose table is as it was keeps its sessions; one that is new is bound, one that is
gone is drained, and one that changed is drained and bound anew, unless only `max_per_second`, `weight`, `prefixes` or
`failover_after_s` did: these change at once and drop nothing. A file with a problem changes nothing: the problem is
logged and counted, and the old configuration stays in force; commands reach the running gateway all the same, and warn.
It stays in force, too, while the store takes nothing; reload again when it does. A change of `[store]`, `[http]`,
`gateway.node` or `gateway.state_dir` needs a restart, and the log says so. Each piece of evidence holds the hash of the
configuration that was in force.

"""

ABOUT: dict[str, str] = {
    "gateway": "This node as a whole.",
    "log": "How much is logged, and for whom. Logs go to stderr.",
    "store": "Where everything is kept. A change needs a restart.",
    "http": "The API, `/metrics` and health checks. A change needs a restart.",
    "http.token": "Who may use the API, one table each. `gateway token` makes a token and this table.",
    "carrier": "One peer to bind to, one table each.",
    "line": "One short code or number of ours, one table each. `{name}` in a reply becomes the line's name.",
    "line.keyword": "One keyword of the line above it, one table each.",
}

FOOT = """
This page is made by `python -m gateway.config.document`.
"""


def page() -> str:
    """Return docs/configuration.md."""
    return HEAD + "## Keys\n" + "".join(_tables()) + FOOT


def _tables() -> Iterator[str]:
    for name, model, many in SECTIONS:
        yield from _table(name, model, many=many)


def _table(name: str, model: type[BaseModel], *, many: bool) -> Iterator[str]:
    title = f"[[{name}]]" if many else f"[{name}]"
    own = [key for key in keys(model).values() if key.table is None]
    yield f"\n### `{title}`\n\n{ABOUT[name]}\n\n"
    yield "| key | what may stand there | default | what it does |\n|---|---|---|---|\n"
    for key in own:
        yield f"| `{key.name}` | {_cell(kind(key))} | {_default(key)} | {_cell(key.field.description or '')} |\n"
    for key in keys(model).values():
        if key.table is not None:
            yield from _table(f"{name}.{key.name}", key.table, many=key.many)


def _default(key: Key) -> str:
    if key.required:
        return "**required**"
    shown = default(key)
    plain = shown == "unset" or isinstance(key.field.json_schema_extra, dict)
    return shown if plain else f"`{_cell(shown)}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(page())
