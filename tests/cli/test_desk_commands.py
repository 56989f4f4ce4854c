"""The commands that touch the store: on the store itself where nothing runs, through the socket where a daemon does."""

from __future__ import annotations

import io
import json
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
import trio

from gateway.cli.client import listening
from gateway.cli.output import exact_time
from gateway.config import Config, load
from gateway.daemon.daemon import running
from gateway.daemon.folder import StateFolderError
from gateway.model.messages import MessageState
from gateway.model.refusal import Reason
from gateway.model.views import SegmentRow
from gateway.store.store import open_store
from gateway.web.access import Authority
from gateway.web.answers import rfc3339
from gateway.web.app import build_app
from gateway.web.server import serve_unix
from tests.cli.conftest import Ended, Run
from tests.kit.clock import FakeClock
from tests.kit.desk import GOOD, NOW, NUMBER_FOR, FakeDesk, row
from tests.kit.restore import FakeRestore

SEND = ("send", "--line", "85700", "--to", GOOD)
SOCKET = Path("state") / "gateway.sock"


@pytest.fixture(autouse=True)
def _config(config: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GATEWAY_CONFIG", config)
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def _stored(run: Run, _config: None) -> None:
    """A store, with nothing in it."""
    assert run("pause", "lane", "bulk").status == 0
    assert run("resume", "lane", "bulk").status == 0


@asynccontextmanager
async def daemon(
    desk: FakeDesk, uids: frozenset[int] | None = None, restore: FakeRestore | None = None
) -> AsyncIterator[None]:
    """Serve a desk where the commands look for the daemon."""
    SOCKET.parent.mkdir(exist_ok=True)
    app = build_app(desk, restore or FakeRestore(), Authority((), uids), lambda: (b"", "text/plain"), version="")
    over = trio.Event()
    async with trio.open_nursery() as nursery:
        await nursery.start(partial(serve_unix, app, SOCKET, over))
        yield
        over.set()


async def beside(
    run: Run,
    desk: FakeDesk,
    *arguments: str,
    uids: frozenset[int] | None = None,
    restore: FakeRestore | None = None,
) -> Ended:
    """Run a command beside a daemon that has this desk."""
    async with daemon(desk, uids, restore):
        return await trio.to_thread.run_sync(partial(run, *arguments))


# Nothing runs: the store itself


def test_a_message_from_start_to_end(run: Run) -> None:
    ended = run(*SEND, "Your table is ready.", "--ref", "r1")
    assert (ended.status, ended.out) == (0, "1 queued\n")
    assert "it will be sent when one starts" in ended.err

    listed = run("messages", "list", "--number", GOOD)
    assert listed.err == ""
    assert listed.out.splitlines()[1].split()[-7:] == ["85700", GOOD, "queued", "Your", "table", "is", "ready."]
    shown = json.loads(run("messages", "show", "1", "--json").out)
    assert (shown["id"], shown["state"], shown["ref"]) == ("1", "queued", "r1")

    assert run("messages", "cancel", "--ref", "r1").out == "1 cancelled\n"
    assert json.loads(run("messages", "cancel", "--ref", "r1", "--json").out) == {"cancelled": 0}
    assert run("messages", "list", "--state", "queued").out == "no messages\n"
    assert "cancelled" in run("messages", "show", "1").out


@pytest.mark.usefixtures("_stored")
def test_brakes(run: Run) -> None:
    assert run("brakes").out == "nothing is paused\n"
    paused = run("pause", "--note", "works", "line", "85700")
    assert paused.status == 0
    assert paused.out.startswith("line 85700 is paused since 2")
    assert "works" in run("brakes").out
    assert json.loads(run("brakes", "--json").out)["brakes"][0]["name"] == "85700"
    assert run("resume", "line", "85700").out == "line 85700 goes on\n"
    assert run("resume", "line", "85700").out == "line 85700 was not paused\n"
    assert json.loads(run("pause", "lane", "bulk", "--json").out)["kind"] == "lane"
    assert json.loads(run("pause", "carrier", "acme", "--json").out)["name"] == "acme"
    assert json.loads(run("resume", "lane", "bulk", "--json").out)["resumed"] is True


@pytest.mark.usefixtures("_stored")
def test_consent_of_somebody_never_heard_of(run: Run) -> None:
    out = run("consent", "show", "85700", "+1 212 555 0101").out
    assert "status    not_defined" in out
    assert "no evidence" in out
    record = json.loads(run("consent", "show", "85700", GOOD, "--json").out)
    assert (record["number"], record["evidence"]) == (GOOD, [])


@pytest.mark.usefixtures("_stored")
def test_status(run: Run) -> None:
    out = run("status").out
    assert "gateway  not running, node gw1, version " in out
    assert "\nstore    good\n" in out
    assert next(line.split() for line in out.splitlines() if "acme/0" in line)[1:3] == ["down", "-"], "since when?"
    assert json.loads(run("status", "--json").out)["running"] is False


@pytest.mark.usefixtures("_stored")
def test_nothing_is_uncertain(run: Run) -> None:
    assert run("messages", "uncertain").out == "no messages\n"
    ended = run("messages", "fail", "7")
    assert ended.status == 65
    assert ended.err.startswith("7 unchanged: ")


def test_a_text_from_standard_input(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("two\nlines\n"))
    answer = json.loads(run(*SEND, "-", "--json").out)
    assert json.loads(run("messages", "show", answer["id"], "--json").out)["text"] == "two\nlines"
    assert "two lines" in run("messages", "list").out, "a table is one line a row"


@pytest.mark.usefixtures("_stored")
@pytest.mark.parametrize(
    "arguments,status,said",
    [
        (("send", "--line", "1", "--to", GOOD, "x"), 65, "gateway: "),
        (("send", "--line", "85700", "--to", "abc", "x"), 65, "gateway: "),
        ((*SEND, ""), 65, "gateway: "),
        ((*SEND, "x", "--expires", "soon"), 64, "gateway: Invalid value for '--expires': \"soon\" is no time"),
        ((*SEND, "x", "--in-reply-to", "abc"), 64, "gateway: Invalid value for '--in-reply-to': \"abc\" is no message"),
        (("messages", "list", "--cursor", "-1"), 64, "gateway: Invalid value for '--cursor': \"-1\" is no message id"),
        (("messages", "show", "abc"), 64, "gateway: Invalid value for 'ID': \"abc\" is no message id"),
        (("messages", "fail", "1", "1" * 19), 64, "gateway: Invalid value for 'ID...': \"1111111111111111111\" is no"),
        (("messages", "show", "99"), 65, "gateway: There is no message 99"),
        (("messages", "cancel"), 65, "gateway: Name at least one condition"),
        (("pause", "line", "1"), 65, "gateway: "),
        (("consent", "show", "1", GOOD), 65, "gateway: "),
    ],
)
def test_what_cannot_be_done_is_one_line(run: Run, arguments: tuple[str, ...], status: int, said: str) -> None:
    ended = run(*arguments)
    assert (ended.status, ended.out) == (status, "")
    assert ended.err.startswith(said)
    assert ended.err.count("\n") == 1


def test_a_refusal_for_a_program_is_its_problem(run: Run) -> None:
    ended = run("send", "--line", "1", "--to", GOOD, "x", "--json")
    assert ended.status == 65
    assert json.loads(ended.out)["type"] == "/problems/unknown-line"
    assert "gateway: '1' is no line" in ended.err


@pytest.mark.usefixtures("_stored")
def test_another_users_store_is_left_alone(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root could, and the service could not write there afterwards."""
    assert run("brakes").status == 0
    other = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: other)
    ended = run("brakes")
    assert ended.status == 77
    assert "belongs to another user; no gateway is running" in ended.err


@pytest.mark.usefixtures("_stored")
def test_no_secret_is_needed(run: Run, config: str) -> None:
    file = Path(config)
    file.write_text(file.read_text().replace('"acme"', '"acme"\npassword = "env:NOT_SET"', 1), encoding="utf-8")
    assert run("check").status == 78
    assert run("brakes").status == 0


async def test_a_store_that_somebody_owns_is_left_alone(run: Run, config: str) -> None:
    loaded = load(Path(config), {})
    loaded.state_dir.mkdir()
    async with open_store(loaded.store, loaded.state_dir, "gw1", FakeClock()):
        ended = await trio.to_thread.run_sync(run, "brakes")
    assert ended.status != 0
    assert ended.err.startswith("gateway: ")
    assert "internal error" not in ended.err


# A daemon runs: its socket


async def test_a_daemon_does_the_work(run: Run) -> None:
    desk = FakeDesk()
    ended = await beside(run, desk, *SEND, "Hello", "--bulk", "--list", "alerts", "--expires", "2100-01-01")
    assert (ended.status, ended.err) == (0, "")
    request = desk.calls[-1][1][0]  # type: ignore[index]  # what this desk keeps of a call to send
    assert (request.text, request.lane.word, request.list_name) == ("Hello", "bulk", "alerts")
    assert not (SOCKET.parent / "gateway.db").exists(), "the store is the daemon's alone"


async def test_an_opted_out_subscriber_is_not_texted(run: Run) -> None:
    number = NUMBER_FOR[Reason.OPTED_OUT]
    ended = await beside(run, FakeDesk(), "send", "--line", "85700", "--to", number, "x")
    assert ended.status == 65
    assert ended.err.startswith("gateway: refused as opted-out; since ")
    assert ended.err.endswith("Z, by text\n")


@pytest.mark.parametrize("reason,status", [(Reason.BACKLOG_FULL, 75), (Reason.UNKNOWN_LIST, 65)])
async def test_statuses_follow_the_problem(run: Run, reason: Reason, status: int) -> None:
    ended = await beside(run, FakeDesk(), "send", "--line", "85700", "--to", NUMBER_FOR[reason], "x")
    assert ended.status == status


async def test_a_user_whom_the_daemon_does_not_know(run: Run) -> None:
    ended = await beside(run, FakeDesk(), "brakes", uids=frozenset({os.geteuid() + 1}))
    assert ended.status == 77
    assert ended.err.startswith("gateway: The local user ")


async def test_a_daemon_that_fails(run: Run) -> None:
    ended = await beside(run, FakeDesk(failure=OSError("disk")), *SEND, "x")
    assert ended.status in (69, 70)
    assert "internal error" not in ended.err


async def test_uncertain_messages_are_settled_one_by_one(run: Run) -> None:
    desk = FakeDesk(rows={1: row(1, state=MessageState.UNCERTAIN), 2: row(2)})
    ended = await beside(run, desk, "messages", "resend", "1", "2")
    assert ended.status == 65
    assert ended.out == "1 queued\n"
    assert ended.err.startswith("2 unchanged: ")
    ended = await beside(
        run, FakeDesk(rows={1: row(1, state=MessageState.UNCERTAIN)}), "messages", "fail", "1", "--json"
    )
    assert (ended.status, json.loads(ended.out)["results"]) == (0, [{"id": "1", "state": "failed"}])


async def test_pages(run: Run) -> None:
    desk = FakeDesk(rows={number: row(number, reason="expired", text="bell \x07 end") for number in range(1, 5)})
    ended = await beside(run, desk, "messages", "list", "--limit", "2", "--since", "2020-01-01T00:00:00Z")
    assert len(ended.out.splitlines()) == 3
    assert "queued (expired)" in ended.out
    assert "\x07" not in ended.out, "a terminal obeys such characters"
    assert ended.err.startswith("more: --cursor ")
    ended = await beside(run, desk, "messages", "list", "--limit", "2", "--json")
    assert len(json.loads(ended.out)["messages"]) == 2


async def test_one_message_with_its_permits(run: Run) -> None:
    out = (await beside(run, FakeDesk(rows={1: row(1)}), "messages", "show", "1")).out
    assert "acme/0" in out
    assert "ESME_ROK  sent" in out
    assert "created_at  2026-11-22 17:04:05.250\n" in out
    unanswered = row(1)
    unanswered = replace(unanswered, permits=tuple(replace(one, fate="uncertain") for one in unanswered.permits))
    beside_it = partial(beside, run, FakeDesk(rows={1: unanswered}), "messages", "show", "1")
    assert "ESME" not in (await beside_it()).out, "the carrier said nothing"
    assert json.loads((await beside_it("--json")).out)["permits"][0]["status"] is None


@pytest.mark.checklist("D2", "H10")
async def test_one_message_with_what_carriers_said_of_it(run: Run) -> None:
    permits = (
        SegmentRow(1, "acme", "acme/0", "consent", NOW, "accepted", 0, "a1", "", "delivered", "", NOW, 1),
        SegmentRow(2, "acme", "acme/0", "consent", NOW, "accepted", 0, "a2", "", "undelivered", "UNDELIV 27", NOW, 1),
        SegmentRow(3, "acme", "acme/0", "consent", NOW, "rejected", 11, "", "ported\x07 away", None, None, None, 3),
    )
    out = (await beside(run, FakeDesk(rows={1: row(1, permits=permits)}), "messages", "show", "1")).out
    at = exact_time(rfc3339(NOW))
    assert out.splitlines()[-3:] == [
        "segment 3  ported  away",
        f"receipt 1  {at} delivered",
        f"receipt 2  {at} undelivered UNDELIV 27",
    ]
    assert "partial" not in out


@pytest.mark.checklist("G1")
async def test_a_text_that_came_in_part_is_marked(run: Run) -> None:
    desk = FakeDesk(rows={1: row(1, direction="mo", state=MessageState.RECEIVED, partial=True, permits=())})
    assert "partial     yes" in (await beside(run, desk, "messages", "show", "1")).out
    assert "received (partial)" in (await beside(run, desk, "messages", "list")).out


async def test_a_consent_with_evidence(run: Run) -> None:
    assert "JOIN" in (await beside(run, FakeDesk(), "consent", "show", "85700", GOOD)).out


# The socket itself


def test_a_socket_that_nobody_listens_on(tmp_path: Path) -> None:
    path = tmp_path / "s"
    assert not listening(path)
    with socket.socket(socket.AF_UNIX) as left_over:
        left_over.bind(str(path))
    assert not listening(path)


def test_a_socket_that_we_may_not_use(run: Run, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "gateway.sock").symlink_to("gateway.sock")
    ended = run("brakes")
    assert ended.status == 77
    assert "may not be used: Too many levels of symbolic links; run this as the gateway's user or root" in ended.err


@pytest.mark.parametrize("folder,why", [("gateway.toml", "File exists"), ("gateway.toml/state", "Not a directory")])
def test_a_state_folder_that_cannot_be_made(run: Run, config: str, tmp_path: Path, folder: str, why: str) -> None:
    file = Path(config)
    file.write_text(file.read_text().replace('state_dir = "state"', f'state_dir = "{folder}"'), encoding="utf-8")
    said = f"the state folder {tmp_path / folder} cannot be made: {why}; name one that this user may make"
    ended = run(*SEND, "hello")
    assert ended.status == 73
    assert said in ended.err
    with pytest.raises(StateFolderError, match="cannot be made"):
        trio.run(_start, load(file, {}))


async def _start(config: Config) -> None:
    async with running(config, ""):
        raise AssertionError("it runs")


async def _answers(answer: bytes, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
    """Accept one connection after the probe's, and answer it with these octets."""
    SOCKET.parent.mkdir(exist_ok=True)
    with trio.socket.socket(socket.AF_UNIX) as listener:
        await listener.bind(str(SOCKET))
        listener.listen(5)
        task_status.started()
        probe, _ = await listener.accept()
        probe.close()
        connection, _ = await listener.accept()
        await connection.recv(65_536)
        await connection.send(answer)
        connection.close()


@pytest.mark.parametrize(
    "answer,status,said",
    [
        (b"", 69, "the running gateway does not answer on its socket"),
        (b"HTTP/1.1 500 X\r\nContent-Length: 2\r\n\r\nno", 70, "HTTP status 500"),
        (b"HTTP/1.1 500 X\r\nContent-Length: 2\r\n\r\n[]", 70, "HTTP status 500"),
        (b"HTTP/1.1 404 X\r\nContent-Length: 2\r\n\r\n{}", 65, "HTTP status 404"),
    ],
)
async def test_a_socket_that_answers_oddly(run: Run, answer: bytes, status: int, said: str) -> None:
    ended: list[Ended] = []
    async with trio.open_nursery() as nursery:
        await nursery.start(_answers, answer)
        ended.append(await trio.to_thread.run_sync(run, "brakes"))
    assert ended[0].status == status
    assert said in ended[0].err


@pytest.mark.parametrize("given,sign", [("2h", -1), ("90m", -1), ("1d", -1), ("30s", -1)])
async def test_times_ago(run: Run, given: str, sign: int) -> None:
    desk = FakeDesk()
    await beside(run, desk, "messages", "list", "--since", given)
    query = desk.calls[-1][1]
    assert query.created_after < datetime.now(UTC).timestamp()  # type: ignore[attr-defined]  # what this desk keeps


async def test_a_time_without_an_offset_is_local(run: Run) -> None:
    desk = FakeDesk()
    await beside(run, desk, "messages", "list", "--until", "2026-01-02T03:04")
    expected = datetime(2026, 1, 2, 3, 4).astimezone().timestamp()
    assert desk.calls[-1][1].created_before == expected  # type: ignore[attr-defined]  # what this desk keeps
