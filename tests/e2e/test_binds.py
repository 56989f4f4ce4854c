"""Several binds of one account, with the running daemon: load goes where there is room, and texts may come on any."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from tests.kit.daemon import ON_THE_LIST, PATIENCE_S, WELCOME, Daemon, daemon, write_config
from tests.kit.raw_smsc import RawBind, listening


async def _send(gateway: Daemon, first: int, count: int) -> list[str]:
    messages = [{"line": "85700", "to": f"+1212556{n:04}", "text": f"news {n}"} for n in range(first, first + count)]
    answer = await gateway.request("POST", "/api/v1/messages", json={"messages": messages})
    return [result["id"] for result in answer.json()["results"]]


def _holding(bind: RawBind, count: int) -> bool:
    return len(bind.open) == count


async def test_load_goes_to_the_bind_with_more_room(tmp_path: Path) -> None:
    """A window of 10 keeps one slot for confirmations: nine each, evenly, and then only where answers come."""
    async with listening() as smsc, daemon(write_config(tmp_path, smsc.port, carrier="binds = 2")) as gateway:
        first, second = await smsc.bound(), await smsc.bound()
        first.mute = second.mute = True
        await _send(gateway, 0, 8)
        await first.until(lambda bind: _holding(bind, 4))
        await second.until(lambda bind: _holding(bind, 4))
        await _send(gateway, 100, 40)
        await first.until(lambda bind: _holding(bind, 9))
        await second.until(lambda bind: _holding(bind, 9))
        await second.release()
        await second.until(lambda bind: len(bind.submits) == 39, "all that the full one cannot take")
        assert len(first.submits) == 9
        await first.release()
        texts = [submit.text for bind in (first, second) for submit in bind.submits]
        assert len(set(texts)) == len(texts) == 48, "each once"
        assert await gateway.terminate() == 0


async def _sent(gateway: Daemon, number: str, count: int) -> None:
    """Wait until so many messages to ``number`` were taken."""
    with trio.fail_after(PATIENCE_S):
        while True:
            answer = await gateway.request("GET", "/api/v1/messages", params={"number": number, "direction": "mt"})
            if [message["state"] for message in answer.json()["messages"]] == ["sent"] * count:
                return


@pytest.mark.checklist("B9")
@pytest.mark.parametrize("mode", ["binds = 2", 'mode = "transmitter+receiver"'])
async def test_a_text_is_acked_where_it_came_in_and_answered_wherever_we_may_submit(mode: str, tmp_path: Path) -> None:
    async with listening() as smsc, daemon(write_config(tmp_path, smsc.port, carrier=mode)) as gateway:
        binds = [await smsc.bound(), await smsc.bound()]
        for n, bind in enumerate([bind for bind in binds if bind.mode != "transmitter"] * 3):
            number = f"1646777{n:04}"
            assert (await bind.text(b"JOIN", source=number.encode())).status == 0
            await _sent(gateway, f"+{number}", 2)
            assert [text for bind in binds for text in bind.to(number)] == [WELCOME.encode(), ON_THE_LIST.encode()]
        assert not [submit for bind in binds if bind.mode == "receiver" for submit in bind.submits]
        assert await gateway.terminate() == 0
