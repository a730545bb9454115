import Graph
import Testing

@Suite("Schemas from outside")
struct ForeignSchemaTests {
  func violations(_ schema: JSON, _ value: JSON) throws -> [String] {
    try ForeignSchema(schema).violations(of: value).map(\.description)
  }

  @Test func `references are replaced by what they refer to`() throws {
    let schema = try ForeignSchema([
      "type": "object", "$defs": ["Filter": ["type": "object", "properties": ["label": ["type": "string"]]]],
      "properties": [
        "filter": ["anyOf": [["$ref": "#/$defs/Filter"], ["type": "null"]], "default": .null],
        "named": ["$ref": "#/$defs/Filter", "description": "which"],
        "both": ["$ref": "#/$defs/Filter", "required": ["label"]],
      ],
    ])
    let filter: JSON = ["type": "object", "properties": ["label": ["type": "string"]]]
    #expect(schema.inlined["properties"]?["filter"] == ["anyOf": [filter, ["type": "null"]], "default": .null])
    #expect(schema.inlined["properties"]?["named"]?["description"] == "which")
    #expect(schema.inlined["properties"]?["both"] == ["required": ["label"], "allOf": [filter]])
    #expect(schema.inlined["$defs"] == nil)
    #expect(try violations(schema.inlined, ["filter": ["label": 1]]).count == 1)
  }

  @Test func `what is unknown or malformed means nothing`() throws {
    let odd: JSON = [
      "type": ["string", "made-up"], "made-up": 1, "minLength": "x", "pattern": "(?<=a)b", "required": true, "enum": [],
      "exclusiveMinimum": true, "properties": 7, "items": .null, "anyOf": [], "$dynamicRef": "#x", "format": 3,
    ]
    #expect(try violations(odd, 7) == [])
    #expect(try ForeignSchema(odd).inlined == ["items": true])
    #expect(try violations("no schema", 1) == [])
  }

  @Test func `older drafts are understood`() throws {
    let tuple: JSON = ["items": [["type": "string"]], "additionalItems": ["type": "number"]]
    #expect(try violations(tuple, ["a", 1, 2]) == [])
    #expect(try violations(tuple, ["a", "b"]).count == 1)
    #expect(try violations(["type": "string", "nullable": true], .null) == [])
  }

  @Test func `a dropped pattern allows what it may have allowed`() throws {
    let schema: JSON = ["patternProperties": ["(?!x)": [:]], "additionalProperties": false]
    #expect(try violations(schema, ["any": 1]) == [])
  }

  @Test func `a schema that contains itself is followed once`() throws {
    let tree: JSON = ["type": "object", "properties": ["child": ["$ref": "#"]], "required": ["name"]]
    let schema = try ForeignSchema(tree)
    #expect(schema.inlined["properties"]?["child"]?["properties"]?["child"] == ["type": "object"])
    #expect(schema.violations(of: ["name": 1, "child": [:]]).count == 1)
  }

  @Test(arguments: ["http://169.254.169.254/", "other.json#/x", "file:///etc/passwd"])
  func `nothing outside is referred to`(reference: String) {
    #expect(throws: JSONSchemaError.self) { try ForeignSchema(["properties": ["a": ["$ref": .string(reference)]]]) }
  }

  @Test func `size and depth have an end`() {
    let wide: JSON = ["anyOf": .array(Array(repeating: ["type": "string"], count: 20_000))]
    #expect(throws: JSONSchemaError.self) { try ForeignSchema(wide) }
    let deep = (0..<100).reduce(JSON.bool(true)) { schema, _ in ["not": schema] }
    #expect(throws: JSONSchemaError.self) { try ForeignSchema(deep) }
    var doubling: JSONObject = ["d0": ["type": "string"]]
    for level in 1..<30 {
      let half: JSON = ["$ref": .string("#/$defs/d\(level - 1)")]
      doubling["d\(level)"] = ["allOf": [half, half]]
    }
    #expect(throws: JSONSchemaError.self) { try ForeignSchema(["$defs": .object(doubling), "$ref": "#/$defs/d29"]) }
  }
}
