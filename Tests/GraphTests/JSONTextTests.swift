import Graph
import Testing

@Suite("JSON text")
struct JSONTextTests {
  static let values: [(String, JSON)] = [
    ("null", .null), (" true\r\n\t", true), ("false", false), ("0", 0), ("-7", -7), ("1.0", 1), ("1e2", 100),
    ("1E+2", 100),
    ("0.5", 0.5), ("-0", .double(-0.0)), ("-0.0", .double(-0.0)), ("9007199254740993", 9_007_199_254_740_993),
    ("9223372036854775807", .int(.max)), ("-9223372036854775808", .int(.min)), ("1e18", .double(1e18)),
    ("1.7976931348623157e308", .double(.greatestFiniteMagnitude)), ("5e-324", .double(.leastNonzeroMagnitude)),
    ("0e-999", 0),
    ("1000000000000000000", 1_000_000_000_000_000_000), ("\"\"", ""),
    ("\"a\\n\\\"\\\\\\/\\b\\f\\r\\t\"", "a\n\"\\/\u{8}\u{c}\r\t"),
    ("\"\\u00e9\\ud83d\\ude00\"", "é😀"), ("\"\\u0000\"", "\u{0}"), ("\"é😀\u{7f}\"", "é😀\u{7f}"), ("[]", []),
    ("[ 1 , [ ] ]", [1, []]),
    ("{}", [:]), ("{ \"b\" : 1 , \"a\" : { } }", ["b": 1, "a": [:]]),
  ]

  @Test(arguments: values) func `is read into its value`(text: String, value: JSON) throws {
    let read = try JSON(parsing: text)
    #expect(read == value)
    #expect(try JSON(parsing: Array(text.utf8)) == value)
    #expect(try JSON(parsing: read.text) == value)
    #expect(try JSON(parsing: read.prettyText) == value)
  }

  static let mistakes: [(String, String)] = [
    ("", "line 1, column 1: the text ends where a value should be"),
    ("[1,]", "line 1, column 4: a value cannot start with \"]\""),
    ("[1 2]", "line 1, column 4: a list needs \",\" or \"]\" here, not \"2\""),
    ("[1", "line 1, column 3: a list needs \",\" or \"]\" here, not the end of the text"),
    ("{a: 1}", "line 1, column 2: an object's key must be a string, not \"a\""),
    ("{\"a\" 1}", "line 1, column 6: a key needs \":\" after it, not \"1\""),
    ("{\"a\":1,}", "line 1, column 8: an object's key must be a string, not \"}\""),
    ("{\n \"é\": 1,\n \"é\": 2}", "line 3, column 2: duplicate key \"é\""),
    ("{\"a\":1,\"\\u0061\":2}", "line 1, column 8: duplicate key \"a\""),
    ("nul", "line 1, column 1: a value cannot start with \"n\""),
    ("truex", "line 1, column 5: text after the end of the value"),
    ("1 1", "line 1, column 3: text after the end of the value"),
    ("01", "line 1, column 1: a number does not start with 0"),
    ("-", "line 1, column 2: a number needs a digit here, not the end of the text"),
    ("+1", "line 1, column 1: a value cannot start with \"+\""),
    ("1.", "line 1, column 3: a number needs a digit here, not the end of the text"),
    ("1e", "line 1, column 3: a number needs a digit here, not the end of the text"),
    (".5", "line 1, column 1: a value cannot start with \".\""),
    ("NaN", "line 1, column 1: a value cannot start with \"N\""),
    ("1e400", "line 1, column 1: the number 1e400 is too large"),
    ("-1e400", "line 1, column 1: the number -1e400 is too large"),
    ("1e-400", "line 1, column 1: the number 1e-400 is too close to zero"),
    (
      "12345678901234567890",
      "line 1, column 1: the integer 12345678901234567890 does not fit 64 bits; write it as a string"
    ),
    (
      "9007199254740993.0",
      "line 1, column 1: the number 9007199254740993.0 cannot be kept exactly; write it as an integer or a string"
    ),
    (
      "123456789012345678.90",
      "line 1, column 1: the number 123456789012345678.90 has more digits than can be kept; write fewer, or a string"
    ),
    ("\"abc", "line 1, column 1: a string without its closing quote"),
    ("\"a\nb\"", "line 1, column 3: a control character in a string must be written \\u000a"),
    ("\"\\x\"", "line 1, column 2: unknown escape in a string"),
    ("\"\\u12g4\"", "line 1, column 2: \\u needs four hexadecimal digits"),
    ("\"\\ud800\"", "line 1, column 2: half of a surrogate pair"),
    ("\"é\\udc00x\"", "line 1, column 3: half of a surrogate pair"),
    ("\"\\ud800\\u0041\"", "line 1, column 2: half of a surrogate pair"),
    ("\u{feff}1", "line 1, column 1: a value cannot start with a byte order mark"),
    ("\u{0}", "line 1, column 1: a value cannot start with the control character \\u0000"),
  ]

  @Test(arguments: mistakes) func `says where and why it is none`(text: String, message: String) {
    let error = #expect(throws: JSONTextError.self) { try JSON(parsing: text) }
    #expect(error?.description == message)
  }

  @Test(
    arguments: [
      [0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22], [0x22, 0x5C, 0x6E, 0xC3, 0x22],
    ] as [[UInt8]])
  func `must be UTF-8`(bytes: [UInt8]) {
    let error = #expect(throws: JSONTextError.self) { try JSON(parsing: bytes) }
    #expect(error?.message == "a string that is not valid UTF-8")
  }

  @Test(arguments: [
    "0.1", "0.10000000000000001", "0.1000000000000000055511151231257827021181583404541015625", "3.1415926535897931",
    "1e25", "1.7976931348623157e308", "4.9406564584124654e-324", "5e-324", "0.000", "-0.0e5", "123456789012345680000.0",
  ]) func `takes a decimal as a program prints a double, with any number of digits`(text: String) throws {
    #expect(try JSON(parsing: text).doubleValue == Double(text))
  }

  @Test(arguments: [
    "0.12345678901234567890", "1.00000000000000000001", "8.000000000000001", "1234567890123456.7",
    "1.8014398509481985e16",
    "1.2345678901234567890123e25", "1.23456e-320", "0." + String(repeating: "3", count: 100_000),
  ]) func `refuses a decimal that would be changed`(text: String) {
    #expect(throws: JSONTextError.self) { try JSON(parsing: text) }
  }

  @Test func `may nest 128 deep and no deeper`() throws {
    let nested = { (depth: Int) in String(repeating: "[", count: depth) + String(repeating: "]", count: depth) }
    #expect(try JSON(parsing: nested(128)).text == nested(128))
    #expect(throws: JSONTextError.self) { try JSON(parsing: nested(129)) }
    #expect(throws: JSONTextError.self) { try JSON(parsing: String(repeating: "{\"a\":", count: 50_000)) }
  }

  @Test func `may have strings of 16 MiB and 100,000 keys`() throws {
    let long = "\"" + String(repeating: "x", count: JSONLimits.stringBytes) + "\""
    #expect(try JSON(parsing: long).stringValue?.utf8.count == JSONLimits.stringBytes)
    #expect(throws: JSONTextError.self) { try JSON(parsing: "\"y" + long.dropFirst()) }
    let keys = { (count: Int) in "{" + (0..<count).map { "\"k\($0)\":0" }.joined(separator: ",") + "}" }
    #expect(try JSON(parsing: keys(JSONLimits.keys)).objectValue?.count == JSONLimits.keys)
    #expect(throws: JSONTextError.self) { try JSON(parsing: keys(JSONLimits.keys + 1)) }
  }

  @Test func `is written compactly, in order, and for people`() throws {
    let value: JSON = ["b": [1, .double(0.1), .double(1e21), .null], "a": "é\u{1}\n\"/", "e": [:], "l": []]
    #expect(value.text == #"{"b":[1,0.1,1e+21,null],"a":"é\u0001\n\"/","e":{},"l":[]}"#)
    #expect(
      value.prettyText == """
        {
          "b": [
            1,
            0.1,
            1e+21,
            null
          ],
          "a": "é\\u0001\\n\\"/",
          "e": {},
          "l": []
        }
        """)
  }

  @Test(arguments: 0..<8) func `reads back as what was written, whatever that is`(seed: Int) throws {
    var random = SplitMix(seed: UInt64(seed))
    for _ in 0..<400 {
      let value = random.json(depth: 5)
      #expect(try JSON(parsing: value.text) == value)
      #expect(try JSON(parsing: value.prettyText).text == value.text)
    }
  }

  @Test(arguments: 0..<8) func `never traps, however broken`(seed: Int) {
    var random = SplitMix(seed: UInt64(seed) + 1000)
    for _ in 0..<1000 {
      var bytes = random.json(depth: 4).utf8
      for _ in 0...random.below(4) {
        let place = random.below(bytes.count + 1)
        switch random.below(3) {
        case 0: bytes.insert(UInt8(random.below(256)), at: place)
        case 1: if place < bytes.count { bytes.remove(at: place) }
        default: if place < bytes.count { bytes[place] = Array("{}[]\",:\\u0e-.".utf8)[random.below(13)] }
        }
      }
      guard let value = try? JSON(parsing: bytes) else { continue }
      #expect((try? JSON(parsing: value.utf8)) == value)
    }
  }
}
