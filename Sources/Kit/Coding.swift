import Foundation
import Graph

/// Swift values as JSON and back.
enum Coding {
  static func json(_ value: some Encodable) throws -> JSON {
    if let json = value as? JSON { return json }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do {
      return try JSON(parsing: encoder.encode(value))
    } catch let error as EncodingError {
      throw CodingProblem(error)
    }
  }

  static func value<Value: Decodable>(_ type: Value.Type, from json: JSON) throws -> Value {
    if let value = json as? Value { return value }
    if let value = plain(json) as? Value { return value }
    do {
      return try JSONDecoder().decode(type, from: Data(json.text.utf8))
    } catch let error as DecodingError {
      throw CodingProblem(error)
    }
  }

  /// What needs no decoder. A number is left to it, as it knows which Swift types hold it.
  private static func plain(_ json: JSON) -> Any? {
    switch json {
    case .string(let value): value
    case .bool(let value): value
    case .int(let value): value
    default: nil
    }
  }
}

/// Why a value is no JSON, or a JSON none of a type, with the place in it.
struct CodingProblem: Error, CustomStringConvertible {
  let description: String

  init(_ error: DecodingError) {
    switch error {
    case .typeMismatch(let type, let context), .valueNotFound(let type, let context):
      description = Self.at(context.codingPath, "not a \(type)")
    case .keyNotFound(let key, let context): description = Self.at(context.codingPath, "\(key.stringValue) is missing")
    case .dataCorrupted(let context): description = Self.at(context.codingPath, context.debugDescription)
    @unknown default: description = "\(error)"
    }
  }

  init(_ error: EncodingError) {
    guard case .invalidValue(_, let context) = error else {
      description = "\(error)"
      return
    }
    description = Self.at(context.codingPath, context.debugDescription)
  }

  private static func at(_ path: [any CodingKey], _ message: String) -> String {
    let place = path.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".")
    return place.isEmpty ? message : "\(place): \(message)"
  }
}

/// A type that says which JSON its values are. Numbers, strings, booleans, lists, dictionaries and optionals of such do;
/// for others a channel checks that the value can be decoded.
public protocol JSONSchemaDescribed {
  static var jsonSchema: JSON { get }
}

extension String: JSONSchemaDescribed { public static var jsonSchema: JSON { ["type": "string"] } }
extension Bool: JSONSchemaDescribed { public static var jsonSchema: JSON { ["type": "boolean"] } }
extension Int: JSONSchemaDescribed { public static var jsonSchema: JSON { ["type": "integer"] } }
extension Double: JSONSchemaDescribed { public static var jsonSchema: JSON { ["type": "number"] } }

extension Array: JSONSchemaDescribed {
  public static var jsonSchema: JSON {
    guard let items = Element.self as? any JSONSchemaDescribed.Type else { return ["type": "array"] }
    return ["type": "array", "items": items.jsonSchema]
  }
}

extension Dictionary: JSONSchemaDescribed where Key == String {
  public static var jsonSchema: JSON {
    guard let values = Value.self as? any JSONSchemaDescribed.Type else { return ["type": "object"] }
    return ["type": "object", "additionalProperties": values.jsonSchema]
  }
}

extension Optional: JSONSchemaDescribed {
  public static var jsonSchema: JSON {
    guard let wrapped = Wrapped.self as? any JSONSchemaDescribed.Type else { return [:] }
    return ["anyOf": [["type": "null"], wrapped.jsonSchema]]
  }
}
