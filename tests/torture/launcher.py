"""Starts daemons for the harness: imports the gateway once, and forks a life of it for each order.

Each connection to the launcher's socket is one life: an order in, ``pid N`` and at its end ``exit N`` out. The faults
are put around the gateway's ports here (``wraps``), in the child alone; the product knows nothing of them. No process
outlives the one that started it (PR_SET_PDEATHSIG). ``--order FILE`` runs one life in this very process, for a tracer.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Final, NoReturn

from gateway.cli import app
from gateway.daemon import daemon
from tests.torture import wraps
from tests.torture.points import Order

_PR_SET_PDEATHSIG: Final = 1


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def live(order: Order) -> int:
    """Run a daemon by ``order`` to its end; return its exit status."""
    log = os.open(order.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    wraps.install(order)
    status = app.main(["--debug", "run", "-c", order.config])
    sys.stderr.flush()
    return status


def traced(order: Order) -> NoReturn:
    """Become a tracer's daemon."""
    file = Path(order.log).with_name("order")
    file.write_bytes(order.dump())
    command = [*order.tracer, sys.executable, "-m", "tests.torture.launcher", "--order", str(file)]
    os.execvp(command[0], command)  # noqa: S606 - the tracer and its arguments are the test's


def _serve_one(connection: socket.socket) -> None:
    with connection.makefile("rb") as orders:
        order = Order.load(orders.readline())
    pid = os.fork()
    if pid == 0:
        _die_with_parent()
        if order.tracer:
            traced(order)
        os._exit(live(order))
    connection.sendall(b"pid %d\n" % pid)
    _, status = os.waitpid(pid, 0)
    connection.sendall(b"exit %d\n" % os.waitstatus_to_exitcode(status))


def serve(address: str) -> None:
    """Take orders at a Unix socket until killed."""
    _die_with_parent()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(64)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            connection, _ = listener.accept()
            with connection:
                if os.fork() == 0:
                    listener.close()
                    _die_with_parent()
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    _serve_one(connection)
                    os._exit(0)


if __name__ == "__main__":
    assert daemon  # imported before the first fork, with all that it needs
    if sys.argv[1] == "--order":
        sys.exit(live(Order.load(Path(sys.argv[2]).read_bytes())))
    serve(sys.argv[1])
