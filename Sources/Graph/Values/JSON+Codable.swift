extension JSON: Codable {
  public init(from decoder: any Decoder) throws {
    let one = try decoder.singleValueContainer()
    if one.decodeNil() {
      self = .null
    } else if let value = try? one.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? one.decode(Int.self) {
      self = .int(value)
    } else if let value = try? one.decode(Double.self) {
      self = .number(value)
    } else if let value = try? one.decode(String.self) {
      self = .string(value)
    } else if let items = try? one.decode([JSON].self) {
      self = .array(items)
    } else {
      let members = try decoder.container(keyedBy: AnyKey.self)
      self = .object(
        try JSONObject(members.allKeys.map { ($0.stringValue, try members.decode(JSON.self, forKey: $0)) }))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    if case .object(let object) = self {
      var members = encoder.container(keyedBy: AnyKey.self)
      for (key, value) in object { try members.encode(value, forKey: AnyKey(stringValue: key)) }
      return
    }
    var one = encoder.singleValueContainer()
    switch self {
    case .null, .object: try one.encodeNil()
    case .bool(let value): try one.encode(value)
    case .int(let value): try one.encode(value)
    case .double(let value): try one.encode(value)
    case .string(let value): try one.encode(value)
    case .array(let items): try one.encode(items)
    }
  }

  private struct AnyKey: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }
}
