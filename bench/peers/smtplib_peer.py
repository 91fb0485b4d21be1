# Python's smtplib as a contestant: a connection for each thread, used again. Prints the time to the first mail and of all further ones.
import smtplib
import ssl
import sys
import threading
import time

host, port, security, connections, messages, size = sys.argv[1], int(sys.argv[2]), sys.argv[3], *map(int, sys.argv[4:7])
ca, user, password = sys.argv[7:10]
LINE = b"The quick brown fox jumps over the lazy dog, and the dog does not mind.\r\n"
MESSAGE = b"From: <a@lab.test>\r\nTo: <b@lab.test>\r\nSubject: measured\r\n\r\n" + (LINE * (size // len(LINE) + 1))[: size - 2] + b"\r\n"


def connect() -> smtplib.SMTP:
    context = ssl.create_default_context(cafile=None if security == "plain" else ca)
    if security == "implicit":
        session = smtplib.SMTP_SSL(host, port, context=context)
    else:
        session = smtplib.SMTP(host, port)
    if security == "starttls":
        session.starttls(context=context)
    if security != "plain":
        session.login(user, password)
    return session


def send(session: smtplib.SMTP) -> None:
    assert session.sendmail("a@lab.test", ["b@lab.test"], MESSAGE) == {}


began = time.perf_counter()
sessions = [connect()]
send(sessions[0])
first = time.perf_counter() - began
for _ in range(connections - 1):
    sessions.append(connect())
    send(sessions[-1])

left = iter(range(messages))
lock = threading.Lock()


def work(session: smtplib.SMTP) -> None:
    while True:
        with lock:
            if next(left, None) is None:
                return
        send(session)


began = time.perf_counter()
threads = [threading.Thread(target=work, args=(session,)) for session in sessions]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(first, time.perf_counter() - began)
