# Memory is bounded by the size of a request, whatever numbers and structures are in it.
import time

import pytest

from conftest import one_server
from test_bounds import WITH_LARGE_REQUEST, peak, send

# HTML in which a number or the structure asks for far more work than its length. Each is at most 10 MiB.
HTML = {
    "20,000 cells with rowspan": "<table>" + "<tr><td rowspan=65534>x" * 20_000,
    "cells with colspan": "<table>" + "<tr><td colspan=1000>x<td>y" * 20_000,
    "columns with span": "<table><colgroup>" + "<col span=1000>" * 20_000 + "<tr><td>x",
    "a list from the largest number": f"<ol start={2**63 - 1}>" + "<li>x" * 100_000,
    "lists from large numbers": f"<ol start=-{2**63}><li>x" * 50_000,
    "nested blocks": "<div>" * 200_000 + "x",
    "nested quotations": "<blockquote>x<br>" * 100_000,
    "nested lists": "<ul><li>x" * 100_000,
    "nested tables": "<table><tr><td>x" * 100_000,
    "nested formatting": "<b><i><u>" * 300_000 + "x" + "</u></i></b>" * 300_000,
    "end tags without start tags": "<div>" * 255 + "</p></span>" * 800_000 + "x",
    "a tag that never ends": "<a " + "b=c " * 2_000_000,
    "a comment that never ends": "x<!--" + "<p>" * 3_000_000,
    "a script that never ends": "x<script>" + "</p>" * 2_500_000,
    "many attributes": "<p " + " ".join(f"a{number}=1" for number in range(800_000)) + ">x",
    "one huge attribute": f"<a href='https://x.org/{'y' * (9 << 20)}'>x</a>",
    "one huge name": f"<{'y' * (9 << 20)}>x",
    "millions of entities": "&NotEqualTilde;&nGt;&lt;" * 400_000 + "x",
    "millions of line ends": "<blockquote>" * 10 + "<pre>" + "\n" * (9 << 20) + "x",
    "tabs in preformatted text": "<ul>" * 10 + "<pre>" + "\t\nx" * 3_000_000,
    "links": "<a href=b>x" * 800_000,
}


@pytest.mark.parametrize("name", HTML)
def test_html_takes_time_and_memory_by_its_length(processes, name: str) -> None:
    capture = processes.capture()
    pipe = processes.pipe(one_server(capture)).handshake()
    call = send(pipe, body=HTML[name], html=True)
    began = time.monotonic()
    pipe.request("ping")
    waited = time.monotonic() - began
    pipe.answer(call).has_state("sent")
    assert "x" in capture.take().text() or "never ends" in name or "huge name" in name
    assert peak(pipe) < WITH_LARGE_REQUEST, f"{peak(pipe):.0f} MiB"
    assert waited < 1, f"a ping waited {waited:.1f} s"
