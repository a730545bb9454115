/// The statements of the store. Each is prepared once per connection.
enum SQL {
  static let thread =
    "SELECT id, graph, graph_hash, graph_path, status, head, step, created, updated, next, error, durability, checksum FROM thread"

  /// Each commit counts itself and is refused where somebody else has the thread: then no row is changed. A store put back from
  /// an older copy has the fence, and fewer commits.
  static let countCommit = "UPDATE thread SET commits = commits + 1 WHERE id = ?1 AND fence = ?2 AND commits = ?3"

  /// The same for a commit that stores the header.
  static let putThread = """
    UPDATE thread SET graph = ?2, graph_hash = ?3, graph_path = ?4, status = ?5, head = ?6, step = ?7, created = ?8,
      updated = ?9, next = ?10, error = ?11, durability = ?12, checksum = ?13, commits = commits + 1
    WHERE id = ?1 AND fence = ?14 AND commits = ?15
    """
  static let putFirstThread = """
    INSERT INTO thread
      (id, graph, graph_hash, graph_path, status, head, step, created, updated, next, error, durability, checksum,
      fence, commits)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)
    """
  static let commits = "SELECT commits FROM thread WHERE id = ?"

  // The texts that may hold NUL are bound and read as bytes: as text they would end there.
  static let graph = "SELECT hash, name, CAST(text AS BLOB), files, checksum FROM graph"
  static let putGraph =
    "INSERT INTO graph (hash, name, text, files, checksum) VALUES (?, ?, CAST(? AS TEXT), ?, ?) ON CONFLICT DO NOTHING"

  static let checkpoint =
    "SELECT \(CheckpointRow.columns) FROM checkpoint WHERE thread = ? AND namespace = ? AND number = ?"
  static let line =
    "SELECT base, base_bytes, line_bytes, checksum FROM checkpoint WHERE thread = ? AND namespace = ? AND number = ?"
  static let putCheckpoint =
    "INSERT INTO checkpoint (thread, namespace, \(CheckpointRow.columns)) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
  static let namespaces = """
    SELECT namespace FROM checkpoint WHERE thread = ? GROUP BY namespace ORDER BY min(rowid)
    """
  static let newest = "SELECT max(number) FROM checkpoint WHERE thread = ? AND namespace = ?"
  static let stepChild = """
    SELECT number FROM checkpoint
    WHERE thread = ?1 AND namespace = ?2 AND number > ?3 AND parent = ?3 AND source = 'step' LIMIT 1
    """
  static let history = """
    SELECT number, parent, step, source, created, parent_checksum, agenda,
      CASE WHEN source = 'step' AND EXISTS (
        SELECT 1 FROM task
        WHERE task.thread = checkpoint.thread AND task.namespace = checkpoint.namespace
          AND task.checkpoint = checkpoint.parent
      ) AND (SELECT durability FROM thread WHERE thread.id = checkpoint.thread) <> 'exit'
      THEN '[]' ELSE deltas END, checksum, base, base_bytes, line_bytes, NULL, base_checksum
    FROM checkpoint WHERE thread = ? AND namespace = ? AND number < ? ORDER BY number DESC LIMIT ?
    """

  private static let taskColumns = """
    thread, namespace, checkpoint, node, idx, due, due_offset, ordinal, fan_out, status, attempts, seconds, not_before,
      handler, error, writes, triggers, questions, kept, result, checksum
    """
  static let allTasks = "SELECT \(taskColumns) FROM task"
  static let tasks = """
    \(allTasks) WHERE thread = ? AND namespace = ? AND checkpoint = ? ORDER BY \(taskOrder)
    """
  static let taskChecksums =
    "SELECT checksum FROM task WHERE thread = ? AND namespace = ? AND checkpoint = ? ORDER BY \(taskOrder)"
  static let taskFrom = "SELECT 1 FROM task WHERE thread = ? AND namespace = ? AND checkpoint >= ? LIMIT 1"
  private static let taskOrder = "ordinal, node, idx, due, due_offset"

  /// The columns in the order of the table. The text is short, as it is looked up with every task.
  static let putTask = """
    INSERT INTO task VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET ordinal=?8, fan_out=?9, status=?10, attempts=?11, seconds=?12, not_before=?13, handler=?14,
    error=?15, writes=?16, triggers=?17, questions=?18, kept=?19, result=?20, checksum=?21
    """

  static let note = "SELECT thread, key, name, value, checksum FROM note"
  static let putNote = """
    INSERT INTO note (thread, key, name, value, checksum) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (thread, key, name) DO UPDATE SET value = excluded.value, checksum = excluded.checksum
    """
  static let hasNotes = "SELECT 1 FROM note WHERE thread = ? LIMIT 1"
  static let endNotes = "DELETE FROM note WHERE thread = ? AND key = ?"

  private static let outputStart = "thread, namespace, checkpoint, step, node, task, attempt, stream"
  static let output = "SELECT \(outputStart), CAST(text AS BLOB), checksum FROM output"
  static let putOutput =
    "INSERT INTO output (\(outputStart), text, checksum) VALUES (?, ?, ?, ?, ?, ?, ?, ?, CAST(? AS TEXT), ?)"

  private static let serviceColumns = "thread, key, node, pid, start_time, boot, stops_at_run_end, checksum"
  static let service = "SELECT \(serviceColumns) FROM service"
  static let putService = """
    INSERT INTO service (\(serviceColumns)) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (thread, key) DO UPDATE SET node = excluded.node, pid = excluded.pid, start_time = excluded.start_time,
      boot = excluded.boot, stops_at_run_end = excluded.stops_at_run_end, checksum = excluded.checksum
    """
  static let endService = "DELETE FROM service WHERE thread = ? AND key = ?"

  private static let cacheColumns = "key, thread, node, created, expires, result, checksum"
  static let cache = "SELECT \(cacheColumns) FROM cache"
  static let putCache = """
    INSERT INTO cache (\(cacheColumns)) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (key) DO UPDATE SET thread = excluded.thread, node = excluded.node, created = excluded.created,
      expires = excluded.expires, result = excluded.result, checksum = excluded.checksum
    """

  static let owner = "SELECT pid, host, boot FROM lease WHERE thread = ?"
  static let takeLease = """
    INSERT INTO lease (thread, fence, pid, host, boot) VALUES (?, 1, ?, ?, ?)
    ON CONFLICT (thread) DO UPDATE SET fence = fence + 1, pid = excluded.pid, host = excluded.host, boot = excluded.boot
    RETURNING fence
    """
  static let takeThread = "UPDATE thread SET fence = ? WHERE id = ? RETURNING commits"
  static let isLeased = "SELECT 1 FROM lease WHERE thread = ? AND fence = ?"
}

/// The statements that look at a thread as a whole, thin it out, or take it away.
extension SQL {
  static let gap = "SELECT thread, namespace, first, last, reason, checksum FROM gap"
  static let putGap = "INSERT INTO gap (thread, namespace, first, last, reason, checksum) VALUES (?, ?, ?, ?, ?, ?)"
  static let endGaps = "DELETE FROM gap WHERE thread = ? AND namespace = ?"

  static let isStored = "SELECT number FROM checkpoint WHERE thread = ? AND namespace = ? AND number = ?"
  static let allNamespaces = """
    SELECT namespace FROM checkpoint WHERE thread = ?1 UNION SELECT namespace FROM task WHERE thread = ?1 ORDER BY 1
    """
  static let numbers = """
    SELECT number FROM checkpoint WHERE thread = ?1 AND namespace = ?2
    UNION SELECT checkpoint FROM task WHERE thread = ?1 AND namespace = ?2 ORDER BY 1
    """

  /// Checkpoints that grew from one of those between two numbers.
  static let children = """
    SELECT number, parent FROM checkpoint WHERE thread = ? AND namespace = ? AND parent BETWEEN ? AND ? ORDER BY number
    """
  static let becomeBase = """
    UPDATE checkpoint SET base = ?, base_bytes = ?, line_bytes = 0, snapshot = ?, base_checksum = ?
    WHERE thread = ? AND namespace = ? AND number = ?
    """
  static let removeOutput = """
    DELETE FROM output WHERE serial IN
      (SELECT serial FROM output WHERE thread = ? AND namespace = ? AND checkpoint = ? LIMIT ?)
    """
  static let removeTasks = """
    DELETE FROM task WHERE rowid IN
      (SELECT rowid FROM task WHERE thread = ? AND namespace = ? AND checkpoint = ? LIMIT ?)
    """
  static let removeCheckpoint = "DELETE FROM checkpoint WHERE thread = ? AND namespace = ? AND number = ?"

  /// Takes with it all that refers to it.
  static let removeThread = "DELETE FROM thread WHERE id = ?"
  static let removeLease = "DELETE FROM lease WHERE thread = ?"
  static let removeCached = "DELETE FROM cache WHERE thread = ?"
  static let clearCache = "DELETE FROM cache WHERE ?1 IS NULL OR node = ?1"
  static let removeGraphs = "DELETE FROM graph WHERE hash NOT IN (SELECT graph_hash FROM thread)"
}
