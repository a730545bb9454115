import Graph

/// One column of a row as the store writes and reads it.
enum Column: Sendable, Hashable {
  case null
  case int(Int)
  case double(Double)
  case text(String)

  init(_ text: String?) { self = text.map(Column.text) ?? .null }
  init(_ number: Int?) { self = number.map(Column.int) ?? .null }

  /// A list as JSON text; mostly there is nothing in it.
  init<Item>(list: [Item], _ json: (Item) -> JSON) {
    self = .text(list.isEmpty ? "[]" : JSON.array(list.map(json)).text)
  }

  init(_ flag: Bool) { self = .int(flag ? 1 : 0) }
}

extension Column: CustomStringConvertible {
  var description: String {
    switch self {
    case .null: "-"
    case .int(let number): "\(number)"
    case .double(let number): "\(number)"
    case .text(let text): text
    }
  }
}
