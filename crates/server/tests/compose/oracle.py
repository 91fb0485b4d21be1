# Reads messages, each behind a line with its length, and tells as JSON what Python's email package sees in them.
import base64
import json
import sys
from email import message_from_bytes, message_from_string, policy
from email.header import decode_header, make_header
from email.utils import getaddresses


def read_messages(stream):
    while line := stream.readline():
        yield stream.read(int(line))


# Content-Type has the name of a file as encoded words in quotes, for clients that know nothing of RFC 2231.
FOR_OLD_CLIENTS = ("encoded word inside quoted string", "missing trailing whitespace after encoded-word")


def defects(message):
    found = [f"{message.get_content_type()}: {defect!r}" for defect in message.defects]
    for name, value in message.items():
        found += [f"{name}: {defect!r}" for defect in value.defects if name != "Content-Type" or str(defect) not in FOR_OLD_CLIENTS]
    if message.is_multipart():
        for part in message.iter_parts():
            found += defects(part)
    return found


def mailboxes(value):
    return [[address.display_name, address.addr_spec] for address in value.addresses] if hasattr(value, "addresses") else None


# The older decoder: Python 3.11's newer one keeps the space between two encoded words of a phrase, against RFC 2047 6.2.
def names(raw):
    old = message_from_bytes(raw, policy=policy.compat32)
    return {field: [str(make_header(decode_header(name))) for name, _ in getaddresses([str(value)])] for field, value in old.items() if field in ("From", "To")}


def part(message):
    payload = message.get_payload(decode=True)
    content = message.get_content()
    return {
        "type": message.get_content_type(),
        "charset": message.get_content_charset(),
        "encoding": message["Content-Transfer-Encoding"],
        "disposition": message.get_content_disposition(),
        "filename": message.get_filename(),
        "content_id": message["Content-ID"],
        "text": content if isinstance(content, str) else None,
        "base64": base64.b64encode(payload).decode(),
    }


def shape(message):
    if not message.is_multipart():
        return message.get_content_type()
    inside = ", ".join(shape(child) for child in message.iter_parts())
    return f"{message.get_content_subtype()}({inside})"


def oracle(raw):
    ascii_only = all(byte < 128 for byte in raw)
    message = message_from_bytes(raw, policy=policy.default) if ascii_only else message_from_string(raw.decode(), policy=policy.default)
    lines = raw.split(b"\r\n")
    return {
        "ascii": ascii_only,
        "keys": [name for name in message.keys()],
        "names": names(raw),
        "fields": {name: str(value) for name, value in message.items()},
        "mailboxes": {name: boxes for name, value in message.items() if (boxes := mailboxes(value)) is not None},
        "defects": defects(message),
        "shape": shape(message),
        "parts": [part(leaf) for leaf in message.walk() if not leaf.is_multipart()],
        "longest": max(len(line) for line in lines),
        "bare": any(b"\r" in line or b"\n" in line for line in lines),
        "closed": raw.endswith(b"\r\n"),
    }


print(json.dumps([oracle(raw) for raw in read_messages(sys.stdin.buffer)]))
