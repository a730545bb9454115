import Graph
import Testing

@Suite("JSON Schema")
struct JSONSchemaTests {
  /// Schema, value, what is wrong.
  static let table: [(String, String, [String])] = [
    ("true", "1", []), ("false", "1", ["is not allowed"]), ("{}", "[1]", []),
    (#"{"type":"string"}"#, #""x""#, []), (#"{"type":"string"}"#, "5", ["must be a string, is number 5"]),
    (#"{"type":["string","null"]}"#, "true", ["must be a string or null, is boolean true"]),
    (#"{"type":"integer"}"#, "1.0", []), (#"{"type":"integer"}"#, "1e300", []),
    (#"{"type":"integer"}"#, "1.5", ["must be an integer, is number 1.5"]), (#"{"type":"number"}"#, "1", []),
    (#"{"type":"array"}"#, "{}", ["must be an array, is an object"]),
    (#"{"type":"object"}"#, "[1,2]", ["must be an object, is an array of 2"]),
    (#"{"enum":["a",1,null]}"#, "null", []),
    (#"{"enum":["a","b"]}"#, #""c""#, [#"must be one of "a", "b", is string "c""#]),
    (#"{"const":{"a":1}}"#, #"{"a":1.0}"#, []), (#"{"const":1}"#, "2", ["must be 1, is number 2"]),
    (#"{"minimum":1,"maximum":3}"#, "2", []), (#"{"minimum":1}"#, "0.5", ["must be at least 1, is 0.5"]),
    (#"{"maximum":9007199254740992}"#, "9007199254740993", ["must be at most 9007199254740992, is 9007199254740993"]),
    (#"{"exclusiveMinimum":1}"#, "1", ["must be more than 1, is 1"]),
    (#"{"exclusiveMaximum":1}"#, "1", ["must be less than 1, is 1"]),
    (#"{"multipleOf":0.1}"#, "0.3", []), (#"{"multipleOf":3}"#, "7", ["must be a multiple of 3, is 7"]),
    (#"{"minLength":2}"#, #""é""#, ["must have at least 2 characters, has 1"]), (#"{"maxLength":1}"#, #""😀""#, []),
    (#"{"maxLength":1}"#, #""ab""#, ["must have at most 1 character, has 2"]),
    (#"{"pattern":"^a+$"}"#, #""aaa""#, []),
    (#"{"pattern":"^a+$"}"#, #""aab""#, [#"must match ^a+$, is string "aab""#]),
    (#"{"items":{"type":"string"}}"#, #"["a",1]"#, ["/1: must be a string, is number 1"]),
    (#"{"prefixItems":[{"type":"string"}],"items":false}"#, #"["a",1]"#, ["/1: is not allowed"]),
    (#"{"minItems":1}"#, "[]", ["must have at least 1 item, has 0"]),
    (#"{"maxItems":1}"#, "[1,2]", ["must have at most 1 item, has 2"]),
    (#"{"uniqueItems":true}"#, "[1,2,1.0]", ["/2: repeats an earlier item"]),
    (
      #"{"properties":{"a":{"type":"string"}},"required":["a","b"]}"#, #"{"a":1}"#,
      [#""b" is missing"#, "/a: must be a string, is number 1"]
    ),
    (#"{"properties":{"a":true},"additionalProperties":false}"#, #"{"b":1}"#, ["/b: unknown key; there are a"]),
    (#"{"additionalProperties":{"type":"number"}}"#, #"{"a/b~":"x"}"#, [#"/a~1b~0: must be a number, is string "x""#]),
    (
      #"{"patternProperties":{"^x":{"type":"number"}},"additionalProperties":false}"#, #"{"x1":1,"y":1}"#,
      ["/y: unknown key"]
    ),
    (#"{"propertyNames":{"maxLength":1}}"#, #"{"ab":1}"#, ["/ab: the key itself does not fit propertyNames"]),
    (#"{"minProperties":1}"#, "{}", ["must have at least 1 key, has 0"]),
    (#"{"maxProperties":0}"#, #"{"a":1}"#, ["must have at most 0 keys, has 1"]),
    (#"{"anyOf":[{"type":"string"},{"type":"number"}]}"#, "1", []),
    (#"{"anyOf":[{"type":"string"},{"type":"null"}]}"#, "1", ["fits none of 2 alternatives, is number 1"]),
    (
      #"{"anyOf":[{"type":"string"},{"type":"number","minimum":5}]}"#, "1",
      ["fits none of 2 alternatives: must be at least 5, is 1"]
    ),
    (#"{"oneOf":[{"minimum":1},{"minimum":2}]}"#, "1", []),
    (#"{"oneOf":[{"minimum":1},{"minimum":2}]}"#, "3", ["fits 2 alternatives, must fit exactly one"]),
    (#"{"allOf":[{"minimum":1},{"maximum":2}]}"#, "3", ["must be at most 2, is 3"]),
    (#"{"not":{"type":"null"}}"#, "null", ["fits what it must not (not)"]),
    (
      #"{"if":{"minimum":10},"then":{"multipleOf":10},"else":{"maximum":5}}"#, "15", ["must be a multiple of 10, is 15"]
    ),
    (#"{"if":{"minimum":10},"then":{"multipleOf":10},"else":{"maximum":5}}"#, "7", ["must be at most 5, is 7"]),
    (
      ##"{"$defs":{"s":{"type":"string"}},"items":{"$ref":"#/$defs/s"}}"##, "[1]", ["/0: must be a string, is number 1"]
    ),
    (
      ##"{"properties":{"next":{"$ref":"#"}},"additionalProperties":false}"##, #"{"next":{"next":{"x":1}}}"#,
      ["/next/next/x: unknown key; there are next"]
    ),
    (##"{"$ref":"#"}"##, "1", ["the schema's # leads to itself"]),
    (#"{"format":"email","title":"t","x-mine":1}"#, "1", []),
  ]

  @Test(arguments: table) func `tells what does not fit`(schema: String, value: String, wrong: [String]) throws {
    let schema = try JSONSchema(try JSON(parsing: schema))
    #expect(schema.violations(of: try JSON(parsing: value)).map(\.description) == wrong)
  }

  static let mistakes: [(String, String)] = [
    ("1", "a schema must be an object or a boolean"), (#"{"typ":"string"}"#, "/typ: unknown keyword"),
    (#"{"properties":{"a":{"minimum":"x"}}}"#, "/properties/a/minimum: must be a number"),
    (
      #"{"type":"text"}"#,
      #"/type: no type is called "text"; there are array, boolean, integer, null, number, object, string"#
    ),
    (#"{"required":"a"}"#, "/required: must be a list of strings"),
    (#"{"minLength":-1}"#, "/minLength: must be a whole number, 0 or more"),
    (#"{"pattern":"(a"}"#, #"/pattern: no regular expression: "(" is not closed (at character 2)"#),
    (
      #"{"pattern":"(?=a)"}"#,
      "/pattern: no regular expression: look-around and flags are not supported (at character 2)"
    ),
    (
      #"{"$ref":"http://169.254.169.254/"}"#,
      #"/$ref: must stay within the document (#/…), is "http://169.254.169.254/""#
    ),
    (##"{"$ref":"#/$defs/x"}"##, "/$ref: nothing is at #/$defs/x"),
    (##"{"anyOf":[]}"##, "/anyOf: must be a list of schemas"),
    (#"{"enum":[]}"#, "/enum: must be a list of values"),
    (#"{"multipleOf":0}"#, "/multipleOf: must be a number above 0"),
  ]

  @Test(arguments: mistakes) func `is refused where it is malformed`(schema: String, message: String) throws {
    let document = try JSON(parsing: schema)
    let error = #expect(throws: JSONSchemaError.self) { try JSONSchema(document) }
    #expect(error?.description == message)
  }

  @Test func `has bounds that hostile schemas meet`() throws {
    let wide: JSON = ["anyOf": .array(Array(repeating: ["type": "string"], count: 20_000))]
    #expect(throws: JSONSchemaError.self) { try JSONSchema(wide) }
    var definitions = JSONObject()
    for level in 0..<40 {
      let deeper: JSON = ["$ref": .string("#/$defs/d\(level + 1)")]
      definitions["d\(level)"] = ["allOf": [deeper, deeper]]
    }
    definitions["d40"] = true
    let doubling = try JSONSchema(["$ref": "#/$defs/d0", "$defs": .object(definitions)])
    #expect(doubling.violations(of: 1).map(\.message) == ["is too costly to check with this schema"])
  }

  static let patterns: [(String, String, Bool)] = [
    ("a|bc", "xbcx", true), ("^(a|b)*c$", "ababc", true), ("^a{2,3}$", "aaaa", false), ("^a{2,}$", "aaaa", true),
    ("^[^a-c]$", "d", true), ("^[^a-c]$", "b", false), ("^[\\d_-]+$", "1_-2", true), ("^\\w+\\s\\S$", "ab c", true),
    ("\\bcat\\b", "a cat.", true), ("\\bcat\\b", "concat", false), ("^.$", "\n", false), ("^.$", "é", true),
    ("^\\u00e9\\x41\\u{1F600}$", "éA😀", true), ("", "", true), ("^$", "x", false), ("a{,2}", "a{,2}", true),
    ("^(?:ab)+?$", "abab", true), ("^(?<y>\\d{4})-\\d\\d$", "2024-11", true), ("^[\\W]$", "-", true),
    ("()*x", "x", true),
    ("^(a+)+$", String(repeating: "a", count: 5000) + "!", false),
    ("(a|a)*$b", String(repeating: "a", count: 5000), false),
    ("^\\.[a-z]+\\/$", ".x/", true), ("^[a\\]]+$", "a]", true),
  ]

  @Test(arguments: patterns) func `matches patterns in linear time`(pattern: String, text: String, fits: Bool) throws {
    let schema = try JSONSchema(["pattern": .string(pattern)])
    #expect(schema.violations(of: .string(text)).isEmpty == fits)
  }

  @Test(arguments: [
    "a{1001}", "(a{1000}){1000}", "(((((){1000}){1000}){1000}){1000}){1000}", "a**", "[b-a]", "\\", "\\1", "(?!a)", ")",
    "*",
  ])
  func `refuses patterns it cannot bound or read`(pattern: String) {
    #expect(throws: JSONSchemaError.self) { try JSONSchema(["pattern": .string(pattern)]) }
  }
}
