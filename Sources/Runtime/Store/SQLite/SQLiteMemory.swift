import GRDB
import Graph

/// Items that threads share, in the table `memory`.
struct SQLiteMemory {
  let db: Database

  func make(_ change: MemoryChange) throws {
    switch change {
    case .put(let item):
      try db.change(SQL.endMemory, [.int(item.updated.milliseconds)])
      try db.change(SQL.putMemory, RowBytes.sealed("memory", item.columns))
    case .delete(let namespace, let key):
      try db.change(SQL.deleteMemory, [.text(namespace.path), .text(key)])
    }
  }

  /// Found in the order of the primary key. The filter is held to the values here, so that no SQL is made of it.
  func items(_ query: MemoryQuery, now: Timestamp) throws -> [MemoryItem] {
    let path = query.namespace.path
    let found =
      try query.key.map { try db.rows("\(SQL.memory) WHERE namespace = ? AND key = ?", [.text(path), .text($0)]) }
    if let found { return try found.map(item).filter { query.matches($0, at: now) } }
    var items: [MemoryItem] = []
    var skipped = 0
    // "0" comes right after "/": what lies between is below the namespace.
    try db.forEachRow(
      SQL.searchMemory, [.text(path), .text("\(path)/"), .text("\(path)0")], until: { items.count >= query.limit }
    ) {
      let item = try item($0)
      guard query.matches(item, at: now) else { return }
      if skipped < query.offset { skipped += 1 } else { items.append(item) }
    }
    return items
  }

  private func item(_ row: StoredRow) throws(StoreError) -> MemoryItem {
    do throws(Malformed) {
      return try MemoryItem(row)
    } catch {
      throw .damaged("memory \(row.columns.prefix(2).map(\.description).joined(separator: " ")): \(error)")
    }
  }
}

extension SQL {
  private static let memoryColumns = "namespace, key, value, updated, expires, checksum"
  static let memory = "SELECT \(memoryColumns) FROM memory"
  static let searchMemory =
    "\(memory) WHERE namespace = ?1 OR (namespace >= ?2 AND namespace < ?3) ORDER BY namespace, key"
  static let putMemory = """
    INSERT INTO memory (\(memoryColumns)) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (namespace, key) DO UPDATE SET value = excluded.value, updated = excluded.updated,
      expires = excluded.expires, checksum = excluded.checksum
    """
  static let deleteMemory = "DELETE FROM memory WHERE namespace = ? AND key = ?"
  static let endMemory = "DELETE FROM memory WHERE expires <= ?"
}

extension MemoryItem {
  var columns: [Column] {
    [.text(namespace.path), .text(key), .text(value.text), .int(updated.milliseconds), Column(expires?.milliseconds)]
  }

  init(_ row: StoredRow) throws(Malformed) {
    var row = row
    try row.check("memory")
    guard let namespace = MemoryNamespace(path: try row.text()) else { throw Malformed("its namespace is none") }
    self.init(
      namespace: namespace, key: try row.text(), value: try JSON(stored: try row.text()),
      updated: Timestamp(milliseconds: try row.int()),
      expires: try row.optionalInt().map(Timestamp.init(milliseconds:)))
  }
}
