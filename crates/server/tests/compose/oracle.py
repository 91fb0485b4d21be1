# Reads messages, each behind a line with its length, and tells as JSON what Python's email package sees in them.
import base64
import json
import sys
from email import message_from_bytes, message_from_string, policy


def read_messages(stream):
    while line := stream.readline():
        yield stream.read(int(line))


def defects(message):
    found = [f"{message.get_content_type()}: {defect!r}" for defect in message.defects]
    for name, value in message.items():
        found += [f"{name}: {defect!r}" for defect in value.defects]
    if message.is_multipart():
        for part in message.iter_parts():
            found += defects(part)
    return found


def mailboxes(value):
    return [[address.display_name, address.addr_spec] for address in value.addresses] if hasattr(value, "addresses") else None


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
        "names": [name for name in message.keys()],
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
