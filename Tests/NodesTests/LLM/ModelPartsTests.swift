import Graph
import GraphRuntime
import Testing

@testable import GraphNodes

@Suite("Parts of model clients")
struct ModelPartsTests {
  @Test(arguments: [
    ("", "http://127.0.0.1:11434"), ("box", "http://box:11434"), ("box:1234", "http://box:1234"),
    (":1234", "http://127.0.0.1:1234"), ("0.0.0.0", "http://127.0.0.1:11434"), ("0.0.0.0:80", "http://127.0.0.1:80"),
    ("::", "http://[::1]:11434"), ("[::]:99", "http://[::1]:99"), ("::1", "http://[::1]:11434"),
    ("[::1]", "http://[::1]:11434"), ("[::1]:5", "http://[::1]:5"), ("http://box", "http://box:80"),
    ("https://box", "https://box:443"), ("https://box:8443/prefix/", "https://box:8443/prefix"),
    ("http://box:11434", "http://box:11434"), ("ollama.com", "https://ollama.com:443"),
    (" \"box\" ", "http://box:11434"),
    ("box:99999", "http://box:11434"), ("https://box:x", "https://box:443"), ("HTTP://Box", "http://Box:80"),
  ]) func `OLLAMA_HOST is read as Ollama reads it`(text: String, expected: String) throws {
    #expect(OllamaHost.address(text) == expected)
    #expect(try ModelEndpoint(OllamaHost.address(text), source: "OLLAMA_HOST").base.text == expected)
  }

  @Test(arguments: ["u:p@box", "http://u:p@box", "ftp://box", "box name", "http://box?x=1"])
  func `an address that is none is refused`(text: String) {
    #expect(throws: NodeFailure.self) { try ModelEndpoint(OllamaHost.address(text), source: "OLLAMA_HOST") }
  }

  static let messages: [JSON] = [
    ["role": "user", "content": "hi"], ["role": "system", "content": "be brief", "id": "m1"],
    ["role": "user", "content": "look", "images": ["AAAA"]],
    [
      "role": "assistant", "content": "", "thinking": "hm",
      "tool_calls": [
        ["id": "c1", "function": ["name": "add", "arguments": ["a": 1]]],
        ["id": "c2", "function": ["name": "add", "arguments": "{oops"]],
      ],
    ],
    ["role": "tool", "content": "1", "tool_call_id": "c1", "tool_name": "add"],
  ]

  @Test(arguments: messages) func `a message is the same from and to JSON`(json: JSON) throws {
    #expect(try ChatMessage(json: json).json == json)
  }

  @Test func `arguments in text are read, and calls get ids`() throws {
    let message = try ChatMessage(json: [
      "role": "assistant", "content": .null,
      "tool_calls": [["type": "function", "function": ["name": "add", "arguments": "{\"a\":1}"]]],
    ])
    #expect(message.calls == [ToolCall(id: "call_0", name: "add", arguments: .object(["a": 1]))])
  }

  @Test func `arguments become what the schema says they are`() {
    let schema: JSON = [
      "type": "object",
      "properties": [
        "n": ["type": "integer"], "f": ["type": "number"], "b": ["type": "boolean"], "o": ["type": "object"],
        "l": ["type": "array", "items": ["type": "integer"]], "s": ["type": "string"],
        "either": ["type": ["integer", "string"]],
        "inner": ["type": "object", "properties": ["n": ["type": "integer"]]],
      ],
    ]
    let given: JSONObject = [
      "n": "5", "f": "1.5", "b": "true", "o": "{\"x\":1}", "l": "[\"1\",2]", "s": "5", "either": "5",
      "inner": ["n": "7"], "other": "8",
    ]
    #expect(
      ToolCall.Arguments.object(given).fitted(to: schema)
        == .object([
          "n": 5, "f": 1.5, "b": true, "o": ["x": 1], "l": [1, 2], "s": "5", "either": "5", "inner": ["n": 7],
          "other": "8",
        ]))
    let odd: JSONObject = ["n": "five", "b": "1", "o": "[]"]
    #expect(ToolCall.Arguments.object(odd).fitted(to: schema) == .object(odd))
  }

  static let schemas: [(JSON, JSON)] = [
    ([:], ["type": "object", "properties": [:]]),
    (
      [
        "type": "object", "title": "T", "additionalProperties": false, "required": ["a"],
        "properties": [
          "a": ["type": "integer", "minimum": 1, "default": 2, "description": "How many."],
          "b": ["oneOf": [["type": "string"], ["const": 3]]], "c": true, "d": false,
          "e": ["type": "array", "items": ["$ref": "#/$defs/e"]],
          "f": ["allOf": [["$ref": "#/$defs/e"], ["properties": ["y": [:]]]]], "g": ["$ref": "http://169.254.169.254/"],
        ],
        "$defs": ["e": ["type": "object", "properties": ["x": ["type": "string", "format": "date"]]]],
      ],
      [
        "type": "object", "description": "T", "required": ["a"],
        "properties": [
          "a": ["type": "integer", "description": "How many. (default: 2, minimum: 1)"],
          "b": ["anyOf": [["type": "string"], ["enum": [3]]]], "c": [:],
          "e": [
            "type": "array",
            "items": ["type": "object", "properties": ["x": ["type": "string", "description": "(format: date)"]]],
          ],
          "f": [
            "type": "object", "properties": ["x": ["type": "string", "description": "(format: date)"], "y": [:]],
          ],
          "g": [:],
        ],
      ]
    ),
    (
      [
        "$ref": "#/$defs/node",
        "$defs": [
          "node": ["type": "object", "properties": ["next": ["$ref": "#/$defs/node"], "v": ["type": "null"]]]
        ],
      ], ["type": "object", "properties": ["next": [:], "v": ["type": "null"]]]
    ),
  ]

  @Test(arguments: schemas) func `schemas are what Ollama keeps of them`(schema: JSON, expected: JSON) throws {
    #expect(try OllamaSchema.reduced(schema, tool: "t") == expected)
  }

  @Test func `a schema of too many parts is refused`() {
    let part: JSON = ["type": "string"]
    let schema: JSON = ["properties": ["a": ["anyOf": .array(Array(repeating: part, count: 20_000))]]]
    #expect { try OllamaSchema.reduced(schema, tool: "evil") } throws: { error in
      (error as? NodeFailure)?.kind == .limit && (error as? NodeFailure)?.message.contains("evil") == true
    }
  }
}
