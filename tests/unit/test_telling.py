"""What a person who watches sees of a run."""

import io
import sys
import threading

from publisher.telling import Teller


class Screen(io.StringIO):
    def isatty(self):
        return True


def test_a_bar_is_drawn_without_a_thread_which_no_fork_would_survive(monkeypatch):
    screen, threads = Screen(), threading.active_count()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    with Teller(as_json=False) as teller:
        teller.watcher.progress("build", 1, 4)
        assert threading.active_count() == threads
        assert "rendered" in screen.getvalue()
        teller.watcher.progress("build", 4, 4)
        assert "100%" in screen.getvalue()


def test_lines_are_plain_where_nobody_watches(capsys):
    with Teller(as_json=False) as teller:
        teller.watcher.progress("append", 1, 4)
        teller.watcher.progress("append", 4, 4)
    assert capsys.readouterr().err == "logged 4 of 4\n"
