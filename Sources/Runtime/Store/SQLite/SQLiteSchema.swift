/// The tables of a store and how older ones become them. What a table is for is told in docs/store.md.
struct SQLiteSchema: Sendable {
  /// Marks the file as ours: "grph".
  static let applicationID = 0x6772_7068

  /// Step `n` leads from version `n` to `n + 1`. A released step never changes; a new need is a new step.
  var migrations: [[String]]

  var version: Int { migrations.count }

  static let current = SQLiteSchema(migrations: [first])

  private static let first = [
    """
    CREATE TABLE graph (
      hash TEXT PRIMARY KEY NOT NULL,
      name TEXT NOT NULL,
      text TEXT NOT NULL,
      files TEXT,
      checksum TEXT NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE lease (
      thread TEXT PRIMARY KEY NOT NULL,
      fence INTEGER NOT NULL,
      pid INTEGER NOT NULL,
      host TEXT NOT NULL,
      boot TEXT NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE thread (
      serial INTEGER PRIMARY KEY NOT NULL,
      id TEXT NOT NULL UNIQUE,
      graph TEXT NOT NULL,
      graph_hash TEXT NOT NULL,
      graph_path TEXT,
      status TEXT NOT NULL,
      head INTEGER NOT NULL,
      step INTEGER NOT NULL,
      created INTEGER NOT NULL,
      updated INTEGER NOT NULL,
      next TEXT NOT NULL,
      error TEXT,
      durability TEXT NOT NULL,
      checksum TEXT NOT NULL,
      fence INTEGER NOT NULL,
      commits INTEGER NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE checkpoint (
      thread TEXT NOT NULL REFERENCES thread (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
      namespace TEXT NOT NULL,
      number INTEGER NOT NULL,
      parent INTEGER,
      step INTEGER NOT NULL,
      source TEXT NOT NULL,
      created INTEGER NOT NULL,
      base INTEGER NOT NULL,
      base_bytes INTEGER NOT NULL,
      line_bytes INTEGER NOT NULL,
      parent_checksum TEXT,
      checksum TEXT NOT NULL,
      agenda TEXT NOT NULL,
      deltas TEXT NOT NULL,
      snapshot TEXT,
      base_checksum TEXT NOT NULL,
      PRIMARY KEY (thread, namespace, number)
    ) STRICT
    """,
    """
    CREATE TABLE gap (
      thread TEXT NOT NULL REFERENCES thread (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
      namespace TEXT NOT NULL,
      first INTEGER NOT NULL,
      last INTEGER NOT NULL,
      reason TEXT NOT NULL,
      checksum TEXT NOT NULL,
      PRIMARY KEY (thread, namespace, first)
    ) STRICT
    """,
    """
    CREATE TABLE task (
      thread TEXT NOT NULL REFERENCES thread (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
      namespace TEXT NOT NULL,
      checkpoint INTEGER NOT NULL,
      node TEXT NOT NULL,
      idx INTEGER NOT NULL,
      due INTEGER NOT NULL,
      due_offset INTEGER NOT NULL,
      ordinal INTEGER NOT NULL,
      fan_out INTEGER NOT NULL,
      status TEXT NOT NULL,
      attempts INTEGER NOT NULL,
      seconds REAL,
      not_before INTEGER,
      handler TEXT,
      error TEXT,
      writes TEXT NOT NULL,
      triggers TEXT NOT NULL,
      questions TEXT NOT NULL,
      kept TEXT,
      result TEXT,
      checksum TEXT NOT NULL,
      PRIMARY KEY (thread, namespace, checkpoint, node, idx, due, due_offset)
    ) STRICT
    """,
    """
    CREATE TABLE note (
      serial INTEGER PRIMARY KEY NOT NULL,
      thread TEXT NOT NULL REFERENCES thread (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
      key TEXT NOT NULL,
      name TEXT NOT NULL,
      value TEXT NOT NULL,
      checksum TEXT NOT NULL,
      UNIQUE (thread, key, name)
    ) STRICT
    """,
    """
    CREATE TABLE output (
      serial INTEGER PRIMARY KEY NOT NULL,
      thread TEXT NOT NULL REFERENCES thread (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
      namespace TEXT NOT NULL,
      checkpoint INTEGER NOT NULL,
      step INTEGER NOT NULL,
      node TEXT NOT NULL,
      task TEXT NOT NULL,
      attempt INTEGER NOT NULL,
      stream TEXT NOT NULL,
      text TEXT NOT NULL,
      checksum TEXT NOT NULL
    ) STRICT
    """,
    """
    CREATE INDEX output_thread ON output (thread)
    """,
    """
    CREATE TABLE service (
      serial INTEGER PRIMARY KEY NOT NULL,
      thread TEXT NOT NULL REFERENCES thread (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
      key TEXT NOT NULL,
      node TEXT NOT NULL,
      pid INTEGER NOT NULL,
      start_time TEXT NOT NULL,
      boot TEXT NOT NULL,
      stops_at_run_end INTEGER NOT NULL,
      checksum TEXT NOT NULL,
      UNIQUE (thread, key)
    ) STRICT
    """,
    """
    CREATE TABLE cache (
      key TEXT PRIMARY KEY NOT NULL,
      thread TEXT NOT NULL,
      node TEXT NOT NULL,
      created INTEGER NOT NULL,
      expires INTEGER,
      result TEXT NOT NULL,
      checksum TEXT NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE memory (
      namespace TEXT NOT NULL,
      key TEXT NOT NULL,
      value TEXT NOT NULL,
      updated INTEGER NOT NULL,
      expires INTEGER,
      checksum TEXT NOT NULL,
      PRIMARY KEY (namespace, key)
    ) STRICT
    """,
    """
    CREATE INDEX memory_expires ON memory (expires) WHERE expires NOT NULL
    """,
    """
    CREATE VIEW history AS
    SELECT thread, namespace, number AS checkpoint, parent, step, source,
      datetime(created / 1000, 'unixepoch') AS created,
      (SELECT group_concat(node || ' ' || status, ', ') FROM task
        WHERE task.thread = checkpoint.thread AND task.namespace = checkpoint.namespace
          AND task.checkpoint = checkpoint.parent AND checkpoint.source = 'step') AS ran,
      (SELECT group_concat(value ->> 'node', ', ') FROM json_each(agenda, '$.due')) AS next
    FROM checkpoint
    """,
    """
    CREATE VIEW question AS
    SELECT thread, namespace, checkpoint, node, value ->> 'id' AS id, value ->> 'kind' AS kind,
      value ->> 'prompt' AS prompt, value -> 'answer' AS answer
    FROM task, json_each(questions)
    WHERE value -> 'asked' IS NULL
    """,
  ]
}
