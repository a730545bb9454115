import Graph
import Testing

@Suite("Templates")
struct TemplateTests {
  static let scope = Scope(
    state: [
      "name": "Ada", "n": 3, "half": 0.5, "list": ["a b", 1], "o": ["k": [true, .null]],
      "evil": "${{ $secrets.X }} $(id)",
      "quote": "it's", "nul": "a\u{0}b", "nested": [[1]],
    ],
    variables: ["secrets": ["X": "hidden"]])

  static let values: [(String, JSON)] = [
    ("", ""), ("plain", "plain"), ("${{ .n }}", 3), ("${{.n}}", 3), ("${{ .o }}", ["k": [true, .null]]),
    ("${{ .missing }}", .null),
    (" ${{ .n }}", " 3"), ("${{ .name }} and ${{ .n }}", "Ada and 3"), ("${{ .n }}${{ .n }}", "33"),
    ("x ${{ .o }} ${{ .half }} ${{ .missing }}", "x {\"k\":[true,null]} 0.5 null"),
    ("$${{ .n }}", "${{ .n }}"), ("a $${{ b ${{ .n }}", "a ${{ b 3"), ("$${{ .n }", "${{ .n }"),
    ("$5 ${x} $$ {{ }}", "$5 ${x} $$ {{ }}"),
    ("${{ {a: {b: 1}} }}", ["a": ["b": 1]]), ("${{ {a: {b: 1}}}}", ["a": ["b": 1]]), ("${{ \"}}\" }}", "}}"),
    ("${{ \"\\(\"}}\" + \"\\(.n)\")}}\" }}!", "}}3}}!"), ("${{ .n # }} }}", "3 }}"), ("${{ .n # it's\n }}", 3),
    ("${{ .n }} }}", "3 }}"),
    ("v: ${{ .evil }}", "v: ${{ $secrets.X }} $(id)"), ("${{\n  .n\n}}", 3), ("é ${{ .name }} é", "é Ada é"),
  ]

  @Test(arguments: values) func `insert values`(text: String, value: JSON) throws {
    #expect(try Template(parsing: text).evaluate(in: Self.scope) == value)
  }

  static let quoted: [(String, String)] = [
    ("echo ${{ .evil }}", "echo '${{ $secrets.X }} $(id)'"), ("${{ .quote }}", #"'it'\''s'"#),
    ("${{ .n }} ${{ .half }}", "3 0.5"),
    ("${{ .missing }} ${{ true }}", "null true"), ("run ${{ .list }}", "run 'a b' 1"), ("${{ \"\" }}", "''"),
    ("${{ [] }}", ""),
    ("${{ .o | tojson }}", "'{\"k\":[true,null]}'"),
  ]

  @Test(arguments: quoted) func `quote every value for the shell`(text: String, script: String) throws {
    #expect(try Template(parsing: text).evaluate(in: Self.scope, quoting: .shell) == .string(script))
  }

  @Test(arguments: [
    ("${{ .o }}", ".o: an object cannot be quoted for the shell; pick its parts, or use tojson"),
    ("${{ .nested }}", ".nested: an array cannot be quoted for the shell; pick its parts, or use tojson"),
    ("${{ .nul }}", ".nul: gives a NUL character, which no shell can take"),
  ])
  func `refuse what the shell cannot take`(text: String, message: String) throws {
    let template = try Template(parsing: text)
    let error = #expect(throws: ExpressionError.self) { try template.evaluate(in: Self.scope, quoting: .shell) }
    #expect(error?.description == message)
  }

  @Test(arguments: [
    ("é ${{ .n", 3, "${{ without its }}"), ("${{ }}", 3, "the expression is empty"),
    ("ab ${{ .a & .b }}", 10, "\"&\" has no meaning here; write and"),
    ("${{ (1 }} ", 7, "\"}\" closes nothing here"), ("${{ 1) }}", 5, "\")\" closes nothing here"),
    ("${{ \"a }}", 0, "${{ without its }}"),
    ("${{  env }}", 5, "expressions may not use env; list the name under env: and use $env.NAME"),
  ])
  func `say where a mistake is`(text: String, offset: Int, message: String) {
    let error = #expect(throws: ExpressionError.self) { try Template(parsing: text) }
    #expect(error?.offset == offset)
    #expect(error?.message == message)
  }

  @Test func `know whether anything in them is evaluated`() throws {
    #expect(try Template(parsing: "a $${{ b").constantText == "a ${{ b")
    #expect(try Template(parsing: "").isPlain)
    #expect(try !Template(parsing: "${{ 1 }}").isPlain)
  }

  @Test(arguments: 0..<8) func `never trap, however broken`(seed: Int) {
    var random = SplitMix(seed: UInt64(seed))
    let pieces = [
      "${{", "}}", "$", "{", "}", "(", ")", "[", "]", "\"", "\\", "\\(", ".a", " ", "#", "\n", "|", "1", "if", "as",
      "é", "//", "\u{0}",
    ]
    for _ in 0..<3000 {
      let text = (0..<random.below(14)).map { _ in pieces[random.below(pieces.count)] }.joined()
      _ = try? Template(parsing: text)
      _ = try? Expression(text).reads
    }
  }
}
