"""``gateway token``: make a bearer token for the HTTP interface."""

from __future__ import annotations

import hashlib
import secrets

import click
from pydantic import ValidationError

from gateway.cli.options import json_option
from gateway.cli.output import show_json
from gateway.model.requests import Role
from gateway.web.options import TokenOptions


@click.command(name="token")
@click.option(
    "--name", default="api", show_default=True, help="Who will use it; its actions are audited under this name."
)
@click.option(
    "--role",
    type=click.Choice([role.word for role in Role]),
    default=Role.VIEWER.word,
    show_default=True,
    help="What it may do: a viewer reads, an operator sends and brakes, an admin does everything.",
)
@json_option
def token(name: str, role: str, as_json: bool) -> None:
    """Make a bearer token, and the configuration that lets it in.

    The token is shown once and kept nowhere; the configuration holds only its SHA-256.

    \b
    Example:
      gateway token --name crm --role operator
    """
    token = f"gw_{secrets.token_urlsafe(32)}"
    digest = hashlib.sha256(token.encode()).hexdigest()
    try:
        TokenOptions.model_validate({"name": name, "sha256": digest, "role": role})
    except ValidationError as error:
        described = (TokenOptions.model_fields["name"].description or "").rstrip(".")
        raise click.BadParameter(f'"{name}" cannot be a name; {described}') from error
    if as_json:
        show_json({"token": token, "name": name, "sha256": digest, "role": role})
        return
    click.echo(token)
    click.echo("\nThis is the only time that it is shown. For the configuration:\n", err=True)
    click.echo(f'[[http.token]]\nname = "{name}"\nsha256 = "{digest}"\nrole = "{role}"')


COMMAND = token
