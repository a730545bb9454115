public import Graph

/// A channel whose values are of a Swift type, for reading and writing it in code.
///
/// Values are stored as JSON, by their `Codable` conformance. A value that is no `Value` is refused before anything is
/// stored, so that a read always succeeds; what may be absent is an optional.
public struct Channel<Value: Codable & Sendable>: Sendable {
  public let definition: ChannelDefinition

  /// - Parameters:
  ///   - value: what it holds before any write. Without it, and without one of the reducer's own, `Value` is optional or
  ///     the channel an input.
  ///   - schema: what values must fit besides; standard types bring theirs along.
  public init(
    _ name: ChannelName, _ type: Value.Type = Value.self, reduce: Reducer = .replace, default value: Value? = nil,
    schema: JSONSchema? = nil, description: String? = nil
  ) {
    self.init(name, reduce, value, schema, description, isInput: false)
  }

  /// A channel that is given from outside when a run starts; without `value` it must be.
  public static func input(
    _ name: ChannelName, _ type: Value.Type = Value.self, reduce: Reducer = .replace, default value: Value? = nil,
    schema: JSONSchema? = nil, description: String? = nil
  ) -> Channel {
    Channel(name, reduce, value, schema, description, isInput: true)
  }

  private init(
    _ name: ChannelName, _ reduce: Reducer, _ value: Value?, _ schema: JSONSchema?, _ description: String?,
    isInput: Bool
  ) {
    var definition = ChannelDefinition(name, description: description, isInput: isInput, reducer: reduce)
    definition.schema =
      schema ?? (Value.self as? any JSONSchemaDescribed.Type).flatMap { try? JSONSchema($0.jsonSchema) }
    definition.initial = value.map { Self.json($0, name) }
    definition.check = ValueCheck { value in
      do {
        _ = try Coding.value(Value.self, from: value)
        return nil
      } catch {
        return "\(error)"
      }
    }
    self.definition = definition
  }

  public var name: ChannelName { definition.name }

  /// Whether reading it can find nothing.
  var mayBeAbsent: Bool { definition.initial == nil && definition.reducer.start == nil && !definition.isInput }

  private static func json(_ value: Value, _ name: ChannelName) -> JSON {
    do {
      return try Coding.json(value)
    } catch {
      preconditionFailure("channel \(name): its default is no JSON: \(error)")
    }
  }
}

/// A value for a channel, made by ``Channel/write(_:)``. It goes through the channel's reducer.
public struct Write: Sendable {
  public let channel: ChannelName
  let value: Result<JSON, any Error>

  init(_ channel: ChannelName, _ value: () throws -> JSON) {
    self.channel = channel
    self.value = Result(catching: value)
  }

  /// - Throws: ``NodeFailure`` of kind `type` where the value cannot be JSON.
  func checked() throws -> ChannelWrite {
    do {
      return ChannelWrite(channel, try value.get())
    } catch {
      throw NodeFailure(.type, "channel \(channel): what was written to it is no JSON: \(error)")
    }
  }
}

extension Channel {
  /// Writes a value of the channel's own type.
  public func write(_ value: Value) -> Write { Write(name) { try Coding.json(value) } }

  /// Writes what the reducer takes, where that is not a whole value: one message, one item.
  public func fold(_ part: some Encodable) -> Write { Write(name) { try Coding.json(part) } }

  /// Replaces the value past the reducer; other writes of the same super-step are dropped.
  public func overwrite(_ value: Value) -> Write {
    Write(name) { ["$overwrite": try Coding.json(value)] }
  }
}

extension Channel where Value: RangeReplaceableCollection, Value.Element: Encodable {
  /// Writes one item.
  public func append(_ item: Value.Element) -> Write { Write(name) { [try Coding.json(item)] } }
}

extension Reducer {
  /// A reducer of one's own: `fold` gives the value after a write. It must be pure: same values, same result.
  ///
  /// - Parameter name: what it is known by in stored threads. Another behaviour wants another name (`top3`, `top5`):
  ///   a thread goes on only with the reducers it began with.
  public static func custom<Value: Codable & Sendable, Part: Decodable & SendableMetatype>(
    _ name: String, start: Value, _ fold: @escaping @Sendable (Value, Part) throws -> Value
  ) -> Reducer {
    let start = (try? Coding.json(start)) ?? .null
    return .custom(
      CustomReducer(name, start: start) { value, part in
        try Coding.json(fold(Coding.value(Value.self, from: value), Coding.value(Part.self, from: part)))
      })
  }
}
