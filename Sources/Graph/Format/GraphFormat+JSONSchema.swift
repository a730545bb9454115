extension GraphFormat {
  /// The format as a JSON Schema (2020-12): what editors complete and check with.
  ///
  /// It refuses what breaks a shape; what only the whole file can tell (names, reachability, expressions) is the
  /// reader's alone.
  public var jsonSchema: JSON {
    guard case .object(var schema) = file.schema else { preconditionFailure("a file is a map") }
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "graphrun graph"
    schema["$defs"] = .object(JSONObject(NamedShape.allCases.map { ($0.rawValue, $0.shape.schema) }))
    return .object(schema)
  }

  /// ``jsonSchema`` of the kinds that come with graphrun.
  public static var jsonSchema: JSON { GraphFormat().jsonSchema }
}

extension Shape {
  /// What the shape is as a JSON Schema of the value that the YAML spells.
  var schema: JSON {
    switch self {
    case .text, .template, .script, .expression: ["type": ["string", "number", "boolean"]]
    case .assignment, .value, .json: [:]
    case .bool: ["type": "boolean"]
    case .integer(let range):
      ["type": "integer", "minimum": .int(range.lowerBound), "maximum": .int(range.upperBound)]
    case .number(let range): Self.schema(range)
    case .duration(let computed, let orZero): Self.schema(ofDuration: computed, orZero)
    case .choice(let names, let computed): Self.schema(of: names, computed: computed)
    case .schema: Self.reference(.schema)
    case .fileName: ["type": "string", "minLength": 1]
    case .nodeName: Self.nodeNameSchema(besides: ["start", "end", "input"])
    case .target: Self.nodeNameSchema(besides: ["start", "input"])
    case .channelName: KeyRule.channel.schema ?? [:]
    case .environmentName: KeyRule.environment.schema ?? [:]
    case .serverName: KeyRule.server.schema ?? [:]
    case .list(let item, let isEmptyAllowed): Self.schema(listOf: item, isEmptyAllowed)
    case .map(let keys, let values, let isEmptyAllowed): Self.schema(mapOf: values, keys, isEmptyAllowed)
    case .object(let object): object.schema
    case .shorthand(let field, let object): ["anyOf": [object.field(field)?.shape.schema ?? [:], object.schema]]
    case .any(let shapes): ["anyOf": .array(shapes.map(\.schema))]
    case .named(let name): Self.reference(name)
    }
  }

  private static func reference(_ name: NamedShape) -> JSON { ["$ref": .string("#/$defs/\(name.rawValue)")] }

  private static func nodeNameSchema(besides reserved: [String]) -> JSON {
    [
      "type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_-]*$", "maxLength": 128,
      "not": ["enum": .array(reserved.map { .string($0) })],
    ]
  }

  private static func schema(_ range: ClosedRange<Double>) -> JSON {
    var schema: JSONObject = ["type": "number"]
    if range.lowerBound == .leastNonzeroMagnitude {
      schema["exclusiveMinimum"] = 0
    } else if range.lowerBound > -.greatestFiniteMagnitude {
      schema["minimum"] = .number(range.lowerBound)
    }
    if range.upperBound < .greatestFiniteMagnitude { schema["maximum"] = .number(range.upperBound) }
    return .object(schema)
  }

  private static func schema(of names: [String], computed: Bool) -> JSON {
    let known: JSON = .array(names.map { .string($0) })
    guard computed else { return ["type": "string", "enum": known] }
    return ["type": "string", "anyOf": [["enum": known], ["pattern": #"\$\{\{"#]]]
  }

  private static func schema(ofDuration computed: Bool, _ orZero: Bool) -> JSON {
    let constant = "^(\(orZero ? "0{1,9}|" : "")[1-9][0-9]{0,8})(ms|s|m|h)$"
    let pattern = computed ? #"\$\{\{|"# + constant : constant
    return ["type": "string", "pattern": .string(pattern), "examples": ["500ms", "2s", "10m", "1h"]]
  }

  private static func schema(listOf item: Shape, _ isEmptyAllowed: Bool) -> JSON {
    var schema: JSONObject = ["type": "array"]
    if !item.schema.isEverything { schema["items"] = item.schema }
    if !isEmptyAllowed { schema["minItems"] = 1 }
    return .object(schema)
  }

  private static func schema(mapOf values: Shape, _ keys: KeyRule, _ isEmptyAllowed: Bool) -> JSON {
    var schema: JSONObject = ["type": "object"]
    if let names = keys.schema { schema["propertyNames"] = names }
    if !values.schema.isEverything { schema["additionalProperties"] = values.schema }
    if !isEmptyAllowed { schema["minProperties"] = 1 }
    return .object(schema)
  }
}

extension JSON {
  fileprivate var isEverything: Bool { self == [:] }
}

extension ObjectShape {
  var schema: JSON {
    var schema: JSONObject = ["type": "object"]
    schema["properties"] = .object(JSONObject(fields.map { ($0.name, $0.schema) }))
    schema["additionalProperties"] = false
    let required = fields.filter(\.isRequired).map { JSON.string($0.name) }
    if !required.isEmpty { schema["required"] = .array(required) }
    let choices = exactlyOne.map { group in JSON.object(["oneOf": .array(group.map(Self.requires))]) }
    let exclusions = atMostOne.flatMap { group in
      group.indices.flatMap { first in
        group[(first + 1)...].map { second -> JSON in
          ["not": ["required": [.string(group[first]), .string(second)]]]
        }
      }
    }
    if !(choices + exclusions).isEmpty { schema["allOf"] = .array(choices + exclusions) }
    return .object(schema)
  }

  private static func requires(_ key: String) -> JSON { ["required": [.string(key)]] }
}

extension FieldFormat {
  fileprivate var schema: JSON {
    guard case .object(var schema) = shape.schema else { preconditionFailure("a schema is an object") }
    schema["description"] = .string(description)
    return .object(schema)
  }
}
