-- The outbox. Times are milliseconds since 1970 in UTC.
CREATE TABLE lane(                  -- a distinct set of accounts, written once and never changed
  lane INTEGER PRIMARY KEY, accounts BLOB NOT NULL UNIQUE) STRICT;
CREATE TABLE lane_account(
  account BLOB NOT NULL, lane INTEGER NOT NULL REFERENCES lane,
  PRIMARY KEY(account, lane)) WITHOUT ROWID, STRICT;
CREATE TABLE message(
  seq INTEGER PRIMARY KEY,          -- the key of the other tables; callers see id
  id BLOB NOT NULL UNIQUE CHECK(length(id) = 16),
  lane INTEGER NOT NULL REFERENCES lane,
  state TEXT NOT NULL CHECK(state IN ('held', 'queued', 'sending', 'unknown', 'sent', 'partial', 'refused', 'cancelled')),
  created_ms INTEGER NOT NULL, due_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL, ended_ms INTEGER,
  principal TEXT NOT NULL,
  idempotency_key TEXT CHECK(length(idempotency_key) BETWEEN 1 AND 256),
  request_digest BLOB NOT NULL CHECK(length(request_digest) = 32),
  message_id TEXT NOT NULL, sender TEXT NOT NULL, subject TEXT NOT NULL, size INTEGER NOT NULL,
  content_type TEXT NOT NULL, attachments INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  token INTEGER NOT NULL DEFAULT 0, -- counts the claims: what an older claim says is not believed
  owner BLOB,                       -- the process that is sending it
  taken_by BLOB NOT NULL,           -- the process that enqueued it, which tries it first
  on_unknown TEXT NOT NULL CHECK(on_unknown IN ('manual', 'retry', 'assume_sent')),
  send_at_ms INTEGER,               -- the caller wants it sent then, not earlier
  all_or_nothing INTEGER NOT NULL DEFAULT 0 CHECK(all_or_nothing IN (0, 1)),
  stop INTEGER NOT NULL DEFAULT 0 CHECK(stop IN (0, 1)), -- cancelled while it is being sent: no further attempt
  digest BLOB,                      -- SHA-256 over who gets what from whom, as it was taken; none if an older version took it
  CHECK((state = 'sending') = (owner IS NOT NULL)),
  CHECK((state IN ('sent', 'partial', 'refused', 'cancelled')) = (ended_ms IS NOT NULL))) STRICT;
CREATE UNIQUE INDEX message_key ON message(principal, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX message_request ON message(request_digest) WHERE idempotency_key IS NULL;
CREATE INDEX message_due ON message(lane, principal, due_ms, send_at_ms) WHERE state = 'queued';
CREATE INDEX message_owner ON message(owner) WHERE state = 'sending';
CREATE INDEX message_ended ON message(ended_ms) WHERE ended_ms IS NOT NULL;
CREATE INDEX message_state ON message(state, seq) WHERE ended_ms IS NULL;
CREATE INDEX message_principal ON message(principal);
CREATE INDEX message_key_ended ON message(ended_ms) WHERE idempotency_key IS NOT NULL AND ended_ms IS NOT NULL;
CREATE INDEX message_failed ON message(state) WHERE state IN ('partial', 'refused', 'cancelled');
CREATE TABLE recipient(
  seq INTEGER NOT NULL REFERENCES message, n INTEGER NOT NULL, address TEXT NOT NULL,
  status TEXT NOT NULL DEFAULT 'open' CHECK(status IN ('open', 'accepted', 'rejected', 'unknown', 'withdrawn')),
  doubt INTEGER NOT NULL DEFAULT 0 CHECK(doubt IN (0, 1)), -- an earlier attempt may have delivered it; a retry does not clear it
  phase TEXT, code INTEGER, enhanced_code TEXT, reply TEXT, reason TEXT NOT NULL DEFAULT '',
  server TEXT, host TEXT, updated_ms INTEGER,
  CHECK(status NOT IN ('withdrawn', 'rejected') OR doubt = 0),
  CHECK(code IS NULL OR (code BETWEEN 200 AND 599 AND reply IS NOT NULL)),
  CHECK(enhanced_code IS NULL OR code IS NOT NULL),
  CHECK(status <> 'accepted' OR ifnull(code BETWEEN 200 AND 299, 0) OR ifnull(phase = 'assumed', 0)),
  PRIMARY KEY(seq, n)) WITHOUT ROWID, STRICT;
CREATE INDEX recipient_address ON recipient(address COLLATE NOCASE);
CREATE TABLE content(               -- the message as composed; a rowid table, so that a blob can be written in pieces
  seq INTEGER PRIMARY KEY REFERENCES message, envelope TEXT NOT NULL, bytes BLOB NOT NULL) STRICT;
CREATE TABLE event(
  seq INTEGER NOT NULL REFERENCES message, n INTEGER NOT NULL, at_ms INTEGER NOT NULL, kind TEXT NOT NULL, detail TEXT,
  PRIMARY KEY(seq, n)) WITHOUT ROWID, STRICT;
CREATE TABLE file(inode INTEGER NOT NULL, born_ns INTEGER) STRICT; -- the file that this database is in: in another one it is a copy
CREATE TABLE approval(              -- why a message is held until a person approves it, or was
  seq INTEGER PRIMARY KEY REFERENCES message, reasons TEXT NOT NULL,
  expires_ms INTEGER NOT NULL, approved_ms INTEGER) STRICT;
CREATE TABLE pause(since_ms INTEGER NOT NULL) STRICT; -- a row: nothing is sent
CREATE TABLE retry(at_ms INTEGER NOT NULL) STRICT; -- of the last day: a quota counts them besides the messages
