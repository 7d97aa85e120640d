-- The gateway's database as the first release with version 0.1.0 made it, before there were pushed doors.

CREATE TABLE conversations (
    id VARCHAR NOT NULL,
    channel VARCHAR NOT NULL,
    token_hash VARCHAR,
    tracker JSON,
    locale VARCHAR NOT NULL,
    created_at VARCHAR NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (token_hash)
);

CREATE TABLE staff (
    name VARCHAR NOT NULL,
    password_hash VARCHAR NOT NULL,
    role VARCHAR NOT NULL,
    created_at VARCHAR NOT NULL,
    PRIMARY KEY (name)
);

CREATE TABLE login_failures (
    who VARCHAR NOT NULL,
    count INTEGER NOT NULL,
    last_at VARCHAR NOT NULL,
    PRIMARY KEY (who)
);

CREATE TABLE messages (
    seq INTEGER NOT NULL,
    id VARCHAR NOT NULL,
    conversation_id VARCHAR NOT NULL,
    client_id VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    text TEXT NOT NULL,
    masked JSON NOT NULL,
    received_at VARCHAR NOT NULL,
    answered_at VARCHAR,
    intent VARCHAR,
    confidence FLOAT,
    slots JSON,
    PRIMARY KEY (seq),
    UNIQUE (conversation_id, client_id),
    UNIQUE (id),
    FOREIGN KEY(conversation_id) REFERENCES conversations (id)
);

CREATE INDEX messages_unanswered ON messages (conversation_id, seq) WHERE answered_at IS NULL;

CREATE TABLE replies (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    conversation_id VARCHAR NOT NULL,
    message_id VARCHAR,
    kind VARCHAR NOT NULL,
    body JSON NOT NULL,
    created_at VARCHAR NOT NULL,
    UNIQUE (message_id, kind),
    FOREIGN KEY(conversation_id) REFERENCES conversations (id)
);

CREATE INDEX replies_of ON replies (conversation_id, id);

CREATE TABLE buttons (
    token_hash VARCHAR NOT NULL,
    conversation_id VARCHAR NOT NULL,
    reply_id INTEGER NOT NULL,
    payload TEXT NOT NULL,
    title TEXT NOT NULL,
    expires_at VARCHAR NOT NULL,
    PRIMARY KEY (token_hash),
    FOREIGN KEY(conversation_id) REFERENCES conversations (id)
);

CREATE TABLE link_pages (
    token_hash VARCHAR NOT NULL,
    conversation_id VARCHAR NOT NULL,
    expires_at VARCHAR NOT NULL,
    used_at VARCHAR,
    PRIMARY KEY (token_hash),
    FOREIGN KEY(conversation_id) REFERENCES conversations (id)
);

CREATE TABLE links (
    conversation_id VARCHAR NOT NULL,
    patron_id VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    PRIMARY KEY (conversation_id),
    FOREIGN KEY(conversation_id) REFERENCES conversations (id)
);

CREATE TABLE pending_links (
    conversation_id VARCHAR NOT NULL,
    patron_id VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    expires_at VARCHAR NOT NULL,
    confirmed_in VARCHAR,
    PRIMARY KEY (conversation_id),
    FOREIGN KEY(conversation_id) REFERENCES conversations (id)
);

CREATE TABLE deeds (
    conversation_id VARCHAR NOT NULL,
    message_id VARCHAR NOT NULL,
    "key" VARCHAR NOT NULL,
    "before" JSON NOT NULL,
    outcome JSON,
    PRIMARY KEY (message_id, "key"),
    FOREIGN KEY(conversation_id) REFERENCES conversations (id)
);

CREATE TABLE tickets (
    number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    conversation_id VARCHAR NOT NULL,
    message_id VARCHAR NOT NULL,
    reason VARCHAR NOT NULL,
    opened_at VARCHAR NOT NULL,
    closed_at VARCHAR,
    FOREIGN KEY(conversation_id) REFERENCES conversations (id),
    UNIQUE (message_id)
);

CREATE TABLE desk_notes (
    number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    conversation_id VARCHAR NOT NULL,
    message_id VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    text TEXT NOT NULL,
    detail JSON NOT NULL,
    noted_at VARCHAR NOT NULL,
    UNIQUE (message_id, kind),
    FOREIGN KEY(conversation_id) REFERENCES conversations (id)
);

CREATE TABLE consents (
    conversation_id VARCHAR NOT NULL,
    purpose VARCHAR NOT NULL,
    options JSON NOT NULL,
    given_at VARCHAR NOT NULL,
    PRIMARY KEY (conversation_id, purpose),
    FOREIGN KEY(conversation_id) REFERENCES conversations (id)
);

CREATE TABLE forgets (
    message_id VARCHAR NOT NULL,
    conversation_id VARCHAR NOT NULL,
    PRIMARY KEY (message_id),
    FOREIGN KEY(conversation_id) REFERENCES conversations (id)
);

CREATE TABLE staff_sessions (
    token_hash VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    expires_at VARCHAR NOT NULL,
    PRIMARY KEY (token_hash),
    FOREIGN KEY(name) REFERENCES staff (name) ON DELETE CASCADE
);

CREATE TABLE ticket_replies (
    "key" VARCHAR NOT NULL,
    conversation_id VARCHAR NOT NULL,
    number INTEGER NOT NULL,
    name VARCHAR NOT NULL,
    sent_at VARCHAR NOT NULL,
    PRIMARY KEY ("key"),
    FOREIGN KEY(conversation_id) REFERENCES conversations (id)
);

INSERT INTO conversations (id, channel, token_hash, tracker, locale, created_at) VALUES ('web-1', 'web', 'hash-1', '{"heard": ["chào"]}', 'vi', '2026-10-01T08:00:00+07:00');
INSERT INTO conversations (id, channel, token_hash, tracker, locale, created_at) VALUES ('web-2', 'web', 'hash-2', NULL, 'vi', '2026-10-01T08:00:00+07:00');
INSERT INTO messages (id, conversation_id, client_id, kind, text, masked, received_at, answered_at) VALUES ('m-1', 'web-1', 'a', 'text', 'chào', '[]', '2026-10-01T08:00:00+07:00', '2026-10-01T08:00:00+07:00');
INSERT INTO messages (id, conversation_id, client_id, kind, text, masked, received_at) VALUES ('m-2', 'web-1', 'b', 'text', 'còn', '[]', '2026-10-01T08:59:59+07:00');
INSERT INTO replies (conversation_id, message_id, kind, body, created_at) VALUES ('web-1', 'm-1', 'final', '[{"text": "Chào bạn", "buttons": [], "cards": []}]', '2026-10-01T08:00:00+07:00');
INSERT INTO tickets (conversation_id, message_id, reason, opened_at) VALUES ('web-2', 'm-9', 'asked', '2026-10-01T08:00:00+07:00');
INSERT INTO links (conversation_id, patron_id, name) VALUES ('web-2', 'p-1', 'Bạn đọc');
