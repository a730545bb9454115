import Graph
import Testing

@Suite("What an expression reads")
struct ExpressionReadsTests {
  static let table: [(String, [String]?)] = [
    (".a", ["a"]), (".a.b.c", ["a"]), (".[\"a\"].b", ["a"]), (".\"a\"", ["a"]), ("$result.a", []), ("1 + 2", []),
    (".a == .b and .c.x", ["a", "b", "c"]), ("(.draft | length) > 200", ["draft"]), (".a | .b | keys", ["a"]),
    (".a as $x | .b + $x", ["a", "b"]), (".a | . as $x | .b", ["a"]), ("reduce .a[] as $i (.b; . + $i)", ["a", "b"]),
    ("reduce .a[] as $i (0; . + $i) | length", ["a"]), ("reduce .a[] as $i (0; .) + first(1; .z)", ["a", "z"]),
    ("reduce .a[] as $i (0; .) + limit(1; .z)", ["a", "z"]), ("reduce .a[] as $i (0; .) as $t | .b", ["a", "b"]),
    ("if .a then .b | length else .c end", ["a", "b", "c"]), ("if .a then .b else . end", nil),
    ("if .a then .b end", nil), ("if .a then .b elif .c then .d else .e end | keys", ["a", "b", "c", "d", "e"]),
    ("{a, b: .c | length, d: .e, $item, (.f): 1, \"g\": .h}", ["a", "c", "e", "f", "h"]), ("{\"a\"}", nil),
    ("\"x \\(.a | length) \\(.b)\"", ["a", "b"]), ("@sh \"\\(.a)\"", ["a"]), ("@json", nil), (".", nil), ("..", nil),
    ("keys", nil), (".[]", nil), (".a = 1", nil), (".a |= . + 1", nil), ("map(.x)", nil), ("def f: .a; f", nil),
    ("[.a[] | select(.x) | .y]", ["a"]), (".a[.b]", ["a", "b"]), ("range(.n)", ["n"]), ("any(.a[]; .b)", ["a", "b"]),
    (". as $s | .a", nil), (".a, .b | .c", ["a", "b"]), ("try .a catch 1", ["a"]), (".a? // .b", ["a", "b"]),
    ("{if: 1, x: .a}", nil), (".a[1:2]", ["a"]), ("not", nil), (".a | not", ["a"]), ("[limit(2; .a[])]", ["a"]),
    ("first", nil), ("getpath([\"a\"])", nil), ("empty", []), (".end.if", ["end"]), ("length", nil),
    ("if .a then 1 else 2 end.x | .y", ["a"]), ("1 as $x | 2 as $y | .a", ["a"]), ("has(\"a\")", nil),
  ]

  @Test(arguments: table) func `is its channels, or everything in doubt`(source: String, channels: [String]?) throws {
    #expect(try Expression(source).reads == channels.map { .channels(Set($0)) } ?? .everything)
  }

  @Test func `is all that it is sent`() throws {
    let scope = Scope(state: ["a": 2, "huge": 9_007_199_254_740_993])
    #expect(try Expression(".a * 2").evaluate(in: scope) == 4)
    #expect(throws: ExpressionError.self) { try Expression(". | keys").evaluate(in: scope) }
  }
}
