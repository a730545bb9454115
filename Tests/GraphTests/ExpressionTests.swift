import Graph
import Testing

@Suite("Expressions")
struct ExpressionTests {
  static let scope = Scope(
    state: [
      "a": ["b": ["c": 1]], "list": [10, 20, 30], "name": "Ada", "flag": true, "big": 9_007_199_254_740_993,
      "none": .null,
      "half": 0.5, "notes": ["x", "y"], "zero": .double(-0.0),
    ],
    variables: ["result": ["text": "hello", "exit": 0], "item": 7, "index": 1])

  static let withoutJQ: [(String, JSON)] = [
    ("42", 42), ("-1", -1), ("1.50", 1.5), ("\"a\\u00e9b\"", "aéb"), ("true", true), ("null", .null), ("[]", []),
    ("{a: [1, {\"b\": null}]}", ["a": [1, ["b": .null]]]), (".5", 0.5), ("1.", 1), ("-0", .double(-0.0)),
    (".a.b.c", 1), (".a[\"b\"]", ["c": 1]), (".[\"a\"].b", ["c": 1]), (".\"a\".b.c", 1), (".list[0]", 10),
    (".list[-1]", 30), (".list[3]", .null), (".list[-4]", .null), (".missing.deep[0]", .null),
    ("$result.text", "hello"),
    ("$item", 7), ("$error", .null), ("$run.key", .null), (".list[$index]", 20), (".big", 9_007_199_254_740_993),
    ("9007199254740993", 9_007_199_254_740_993), (".zero", .double(-0.0)), (".a == {b: {c: 1.0}}", true),
    (".name < \"Ae\"", true), (".none == false", false), (".flag and .missing", false), (".flag or .missing.x", true),
    (".missing // .name", "Ada"), (".flag | not", false), (".list | length", 3), ("(.name | length) >= 3", true),
    ("$item + 1", 8), (".half + 0.5", 1), (".missing + 1", 1), (".name + \"!\"", "Ada!"),
    (".notes + [.name]", ["x", "y", "Ada"]),
    ("{name, $item, \"k\": .half, n: -1}", ["name": "Ada", "item": 7, "k": 0.5, "n": -1]), ("null < false", true),
    ("[] < {}", true), ("1 - 1 - 1", -1), (".a # a comment)", ["b": ["c": 1]]), ("\"é\" == \"e\\u0301\"", false),
  ]

  static let withJQ: [(String, JSON)] = [
    (".list | map(. + 1)", [11, 21, 31]), (".notes | join(\"; \")", "x; y"), ("\"\\(.name)-\\($item)\"", "Ada-7"),
    (".list | add / length", 20), ("[.list[] | select(. > 10)]", [20, 30]), (".name | ascii_upcase", "ADA"),
    ("if .flag then .name else . end", "Ada"), (". as $s | $s.name", "Ada"),
    ("reduce .list[] as $i (0; . + $i)", 60), (".list[1:]", [20, 30]), ("{input: 1, env: 2} | .input * .env", 2),
    ("{env: $env, x: \"env input\"} | map_values(.)", ["env": .null, "x": "env input"]), ("[.a | .. | numbers]", [1]),
    ("@sh \"echo \\(.name)\"", "echo 'Ada'"), ("0.1 + 0.2 | . * 1", .double(0.1 + 0.2)),
    ("1e300 | . * 1", .double(1e300)),
    ("[1,2] == [1,2] | tojson", "true"), ("\"é€😀\" | explode", [233, 8364, 128512]),
    ("\"a\\u0000b\" | ltrimstr(\"x\")", "a\u{0}b"), ("now | type", "number"),
    ("[.list[] # )\n | . * 2\n]", [20, 40, 60]), (".zero | tojson", "-0"), ("def f(x): x * 2; f(21)", 42),
    ("first(range(1e9))", 0), ("label $out | 1, break $out", 1), (".zero * 1", .double(-0.0)),
    ("{b: 1, a: 2} | map_values(. + 1)", ["b": 2, "a": 3]), (". | keys | length", 8), ("[1, 2] < [1, 3]", true),
  ]

  @Test(arguments: withoutJQ) func `keep every number where jq is not needed`(source: String, value: JSON) throws {
    #expect(try Expression(source).evaluate(in: Self.scope).text == value.text)
  }

  @Test(arguments: withoutJQ.filter { !$0.0.contains("90071") && $0.0 != ".big" } + withJQ)
  func `yield jq's value`(source: String, value: JSON) throws {
    // The function keeps the native evaluation out of it.
    for source in [source, "def same: .; (\(source)\n) | same"] {
      var scope = Self.scope
      scope.state.removeValue(forKey: "big")
      #expect(try Expression(source).evaluate(in: scope).text == value.text)
    }
  }

  static let failures: [(String, String)] = [
    (".name.x", ".name.x: Cannot index string with \"x\""),
    (".list.x", ".list.x: Cannot index array with \"x\""),
    (".a[0]", ".a[0]: Cannot index object with number"),
    (".a.b.c | .d | length", ".a.b.c | .d | length: Cannot index number with \"d\""),
    (".a.b.c | .d | tostring", ".a.b.c | .d | tostring: Cannot index number with \"d\""),
    (".list[]", ".list[]: gives more than one value; wrap it in [ ] for a list"),
    ("empty", "empty: gives no value"),
    ("error(\"no luck\")", "error(\"no luck\"): no luck"),
    ("error({a: 1})", "error({a: 1}): {\"a\":1}"),
    (".name + 1", ".name + 1: string (\"Ada\") and number (1) cannot be added"),
    ("nan", "nan: gives nan"),
    ("infinite", "infinite: gives an infinite number"),
    ("\"1e999\" | tonumber", "\"1e999\" | tonumber: gives an infinite number"),
    (
      "\"9007199254740993\" | tonumber",
      "\"9007199254740993\" | tonumber: gives 9007199254740992.0, which jq cannot hold exactly"
    ),
    (".big | tostring", ".big | tostring: .big is an integer that jq cannot hold exactly; keep it as a string"),
    (
      "reduce range(300) as $i (1; [.]) | tojson",
      "reduce range(300) as $i (1; [.]) | tojson: nests deeper than jq can write as text"
    ),
    ("reduce range(300) as $i (1; [.])", "reduce range(300) as $i (1; [.]): gives a value nested deeper than 128"),
  ]

  @Test(arguments: failures) func `say what went wrong`(source: String, message: String) throws {
    let error = try #require(throws: ExpressionError.self) { try Expression(source).evaluate(in: Self.scope) }
    #expect(error.description == message)
  }

  static let refusals: [(String, Int?)] = [
    ("env", 0), ("env.PATH", 0), ("$ENV", 0), ("$ENV.HOME", 0), ("$ # x\n ENV", 0), ("1 | input", 4), ("[inputs]", 1),
    ("debug", 0), ("stderr", 0), ("halt", 0), ("halt_error", 0), ("1 | halt_error(3)", 4), ("input_filename", 0),
    ("input_line_number", 0), ("modulemeta", 0), ("get_search_list", 0), ("$__prog_args", 0), ("$__state", 0),
    ("import \"x\" as $x {search:\"/etc\"}; $x", 0), ("include \"x\"; 1", 0), ("\"\\(env)\"", 3),
    ("{a: env}", 4), ("{(env): 1}", 2), ("def f: env; f", 7), ("{a: 1 | env}", 8), ("x::env", 0),
  ]

  @Test(arguments: refusals) func `may not reach outside`(source: String, offset: Int?) {
    let error = #expect(throws: ExpressionError.self) { try Expression(source) }
    guard case .forbidden(_, let place) = error?.reason else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(place == offset)
  }

  static let broken: [(String, Int?)] = [
    ("", 0), ("  ", 0), ("# only a comment", 0), ("(1", 0), ("1)", 1), ("1) | (2", 1), ("[1}", 2), ("\"abc", 0),
    ("\"\\(1\"", 4), ("{a: (1]}", 6), ("1 # (\n )", 7), (".a & .b", 3), ("$", 0), ("1.2.3", 0), ("\u{0}", 0),
    ("\"\u{0}\"", 1), ("1 + 9007199254740993", 4), ("12345678901234567890", 0), ("1e400", 0),
    (String(repeating: "[", count: 200), 100), (String(repeating: "1,", count: 40_000) + "1", 0),
  ]

  @Test(arguments: broken) func `are refused where the text is none`(source: String, offset: Int?) {
    let error = #expect(throws: ExpressionError.self) { try Expression(source) }
    guard case .syntax(_, let place) = error?.reason else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(place == offset)
  }

  static let itemLists: [(String, [JSON])] = [
    (".list", [10, 20, 30]), (".list[]", [10, 20, 30]), ("empty", []), ("[]", []), (".missing", [.null]),
    ("1, 2", [1, 2]),
    (".list[] | select(. > 10)", [20, 30]), ("[1],[2]", [[1], [2]]), ("range(3)", [0, 1, 2]), (".name", ["Ada"]),
    (".list | map(. / 10)", [1, 2, 3]),
  ]

  @Test(arguments: itemLists) func `give a stream, or one list, as items`(source: String, items: [JSON]) throws {
    #expect(try Expression(source).items(in: Self.scope) == items)
  }

  @Test func `are checked together, each mistake by itself`() throws {
    let sources = [
      ".list | map(. + 1)", "1 +", "nosuch(1)", ".a", "$nosuch", "[.b[] | .c]", ".a | | .b", ".a b", "if 1 then 2",
    ]
    let mistakes = try JQ.check(sources.map { try Expression($0) }).map { $0?.description }
    #expect(
      mistakes == [
        nil, "1 +: unexpected end", "nosuch(1): nosuch/1 is not defined", nil, "$nosuch: $nosuch is not defined", nil,
        ".a | | .b: unexpected '|'", ".a b: unexpected a name", "if 1 then 2: unexpected end",
      ])
  }
}
