"""The routes of a restored store: who may, what is asked, and what is answered."""

from __future__ import annotations

import pytest

from gateway.model.requests import Role
from gateway.model.restore import Covered
from gateway.model.views import ChainRow, RestoredRow
from gateway.web.app import build_app
from tests.kit.desk import NOW, FakeDesk, as_port
from tests.kit.restore import FakeRestore
from tests.web.faces import METRICS, authority, client_of, is_problem

URL = "/api/v1/restore"
OWED = RestoredRow("backup", NOW - 60, NOW, (ChainRow("gw1", 5, 7, covered=False),), 12)
SHOWN = {
    "restored": True,
    "why": "backup",
    "taken_at": "2026-11-22T17:03:05.250Z",
    "noticed_at": "2026-11-22T17:04:05.250Z",
    "chains": [{"node": "gw1", "incarnation": 5, "seq": 7, "covered": False}],
}
SETTLED: dict[str, object] = {"restored": False, "why": None, "taken_at": None, "noticed_at": None, "chains": []}


def app_on(restore: FakeRestore) -> object:
    return build_app(as_port(FakeDesk()), restore, authority(), lambda: METRICS, version="1")


async def test_a_viewer_sees_what_is_owed() -> None:
    restore = FakeRestore(OWED)
    async with client_of(app_on(restore), Role.VIEWER) as client:
        assert (await client.get(URL)).json() == SHOWN
        restore.owed = None
        assert (await client.get(URL)).json() == SETTLED
        restore.owed = RestoredRow("copy", None, NOW, (), 0)
        assert (await client.get(URL)).json()["taken_at"] is None


BODIES = {
    "records": {"lines": ["x"]},
    "finish": {"covered": [], "logs": []},
    "accept-loss": {"reason": "why not"},
    "mark": {"taken_at": "2026-11-22T02:00:00Z"},
}


@pytest.mark.parametrize("path", BODIES)
async def test_only_an_administrator_changes_anything(path: str) -> None:
    restore = FakeRestore(OWED)
    async with client_of(app_on(restore), Role.OPERATOR) as client:
        is_problem(await client.post(f"{URL}/{path}", json=BODIES[path]), "forbidden")
    assert restore.asked == []


async def test_records_are_merged_as_they_are() -> None:
    restore = FakeRestore(OWED)
    async with client_of(app_on(restore)) as client:
        response = await client.post(f"{URL}/records", json={"lines": ["a", "b"]})
        assert response.json() == {"applied": 2, "lifted": 0, "known": 0, "outdone": 0, "refused": 1}
        is_problem(await client.post(f"{URL}/records", json={"lines": ["bad"]}), "bad-log")
    assert restore.asked[0][2] == ["a", "b"]


async def test_finishing_tells_what_is_still_owed() -> None:
    restore = FakeRestore(OWED)
    late = {"covered": [{"node": "gw1", "incarnation": 5, "head": 8}], "logs": ["/a"]}
    good = {"covered": [{"node": "gw1", "incarnation": 5, "head": 7}], "logs": ["/a", "/b"]}
    async with client_of(app_on(restore)) as client:
        assert (await client.post(f"{URL}/finish", json=late)).json() == SHOWN
        assert (await client.post(f"{URL}/finish", json=good)).json() == SETTLED
    assert restore.asked[1][2] == ([Covered("gw1", 5, 7)], ["/a", "/b"])


async def test_a_loss_is_accepted_once() -> None:
    restore = FakeRestore(OWED)
    async with client_of(app_on(restore)) as client:
        assert (await client.post(f"{URL}/accept-loss", json={"reason": "moved"})).json() == SETTLED
        is_problem(await client.post(f"{URL}/accept-loss", json={"reason": "moved"}), "not-restored")


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501, None])
async def test_a_reason_is_a_reason(reason: str | None) -> None:
    restore = FakeRestore(OWED)
    async with client_of(app_on(restore)) as client:
        is_problem(await client.post(f"{URL}/accept-loss", json={"reason": reason}), "invalid-request")
    assert restore.owed is OWED


async def test_a_mark_is_shown_as_the_brake_that_it_is() -> None:
    restore = FakeRestore()
    async with client_of(app_on(restore)) as client:
        response = await client.post(f"{URL}/mark", json={"taken_at": "2026-11-22T17:04:05.250Z"})
    assert (response.json()["kind"], response.json()["name"]) == ("store", "restored")
    assert restore.asked[0][2] == NOW
