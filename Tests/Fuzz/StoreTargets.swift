import Graph

@testable import GraphRuntime

/// What a store holds, and what an export does.
let storeTargets: [String: Target] = [
  "rows": { bytes in
    guard let first = bytes.first else { return }
    let (table, read) = tables[Int(first) % tables.count]
    let columns = bytes.dropFirst().split(separator: 0x1E, omittingEmptySubsequences: false).map(column)
    // With the checksum that belongs to it: what is damaged is found before, what is hostile is not.
    read(StoredRow(columns + [.text(RowBytes(table, columns).checksum())]))
  },
  "parts": { bytes in
    guard let json = try? JSON(parsing: String(decoding: bytes, as: UTF8.self), depth: ThreadPart.depth),
      let part = try? ThreadPart(json: json)
    else { return }
    precondition((try? ThreadPart(json: part.json)) == part, "a part that is written reads back as what it was")
  },
]

/// A byte tells the table.
private let tables: [(String, @Sendable (StoredRow) -> Void)] = [
  (
    "thread",
    { row in
      guard let record = try? ThreadRecord(row) else { return }
      let again = StoredRow(record.columns + [.text(RowBytes("thread", record.columns).checksum())])
      precondition((try? ThreadRecord(again)) == record, "a row that is written reads back as what it was")
    }
  ),
  (
    "task",
    { row in
      guard let record = try? TaskRecord(row) else { return }
      let columns = record.columns(of: "t")
      let again = StoredRow(columns + [.text(RowBytes("task", columns).checksum())])
      precondition((try? TaskRecord(again)) == record, "a row that is written reads back as what it was")
    }
  ),
  ("note", { row in _ = try? NoteRecord(row) }),
  ("gap", { row in _ = try? CheckpointGap(row) }),
  ("output", { row in _ = try? OutputRecord(row) }),
  ("service", { row in _ = try? ServiceRecord(row) }),
  ("graph", { row in _ = try? GraphRecord(row) }),
  ("cache", { row in _ = try? CacheRecord(row) }),
  ("checkpoint", checkpoint),
]

/// Its agenda, and its changes on an empty state.
private func checkpoint(_ row: StoredRow) {
  guard let checkpoint = try? CheckpointRow(row) else { return }
  if let agenda = try? Agenda(json: JSON(stored: checkpoint.agenda)) {
    precondition((try? Agenda(json: agenda.json)) == agenda, "an agenda that is written reads back as what it was")
  }
  let deltas = try? storedList(checkpoint.deltas) { json throws(Malformed) in try ChannelDelta(json: json) }
  var values: JSONObject = [:]
  for delta in deltas ?? [] { try? delta.apply(to: &values) }
}

/// `#1` is an integer, `%1` a number, nothing is null, anything else text.
private func column(_ bytes: ArraySlice<UInt8>) -> Column {
  let text = String(decoding: bytes, as: UTF8.self)
  switch text.first {
  case nil: return .null
  case "#": return Int(text.dropFirst()).map(Column.int) ?? .text(text)
  case "%": return Double(text.dropFirst()).map(Column.double) ?? .text(text)
  default: return .text(text)
  }
}
