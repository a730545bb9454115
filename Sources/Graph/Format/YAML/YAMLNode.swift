/// A value as it stands in a YAML text, with its place.
struct YAMLNode: Sendable {
  enum Content: Sendable {
    case scalar(String, YAMLScalarStyle)
    case list([YAMLNode])
    case map([Member])

    /// Already complained about; whatever it was meant to be, nothing more is said of it.
    case broken
  }

  struct Member: Sendable {
    var key: String
    var keyPosition: SourcePosition
    var value: YAMLNode
  }

  /// How a scalar's text lies in the file, for places inside it.
  enum Layout: Sendable {
    /// On one line of so many characters, quotes included.
    case line(width: Int)

    /// A literal block, indented so far.
    case block(indent: Int)
    case other
  }

  var position: SourcePosition
  var content: Content
  var layout = Layout.other

  /// What kind of value it is, for messages and for choosing between shapes.
  var type: YAMLType? {
    switch content {
    case .scalar(let text, .plain): CoreSchema.type(of: text)
    case .scalar: .string
    case .list: .list
    case .map: .map
    case .broken: nil
    }
  }

  /// The text of a scalar, as written.
  var text: String? {
    guard case .scalar(let text, _) = content else { return nil }
    return text
  }

  var items: [YAMLNode]? {
    guard case .list(let items) = content else { return nil }
    return items
  }

  var members: [Member]? {
    guard case .map(let members) = content else { return nil }
    return members
  }

  subscript(key: String) -> YAMLNode? {
    members?.first { $0.key == key }?.value
  }

  /// The value as JSON; `nil` where it has none (broken, or a number that JSON cannot hold exactly).
  var json: JSON? {
    switch content {
    case .scalar(let text, .plain): return CoreSchema.value(of: text)
    case .scalar(let text, _): return .string(text)
    case .list(let items):
      var values: [JSON] = []
      for item in items {
        guard let value = item.json else { return nil }
        values.append(value)
      }
      return .array(values)
    case .map(let members):
      var object = JSONObject()
      for member in members {
        guard let value = member.value.json else { return nil }
        object[member.key] = value
      }
      return .object(object)
    case .broken: return nil
    }
  }
}

enum YAMLType: Sendable, Hashable {
  case null, bool, number, string, list, map

  /// For messages: "expected a list, found …".
  var description: String {
    switch self {
    case .null: "nothing"
    case .bool: "true or false"
    case .number: "a number"
    case .string: "text"
    case .list: "a list"
    case .map: "a map"
    }
  }

  var isScalar: Bool { self != .list && self != .map }
}
