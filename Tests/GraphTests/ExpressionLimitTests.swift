import Foundation
import Graph
import Testing

@Suite("Hostile expressions", .serialized)
struct ExpressionLimitTests {
  static let bombs = [
    "def f: f; f", "\"x\" * 1e9", "def g: [g]; g", "[range(1e9)]", "last(range(1e9))",
    "reduce range(1e9) as $i (0; . + 1)", "[limit(1e8; repeat(1))]",
    "reduce range(1e7) as $i (1; [.])",
    "def h: h | h; h", "[range(1e6)] | map(tostring * 100) | add",
    "\"x\" | until(false; . + .)", "[0 | recurse(. + 1)]",
  ]

  @Test(arguments: bombs) func `end within seconds, and the next one works`(source: String) throws {
    let before = residentBytes()
    let bomb = try Expression(source)
    let time = ContinuousClock().measure {
      let error = #expect(throws: ExpressionError.self) { try bomb.evaluate(in: Scope()) }
      if case .limit = error?.reason {} else { Issue.record("\(String(describing: error))") }
    }
    #expect(time < .unhurried)
    #expect(try Expression(".a * 2").evaluate(in: Scope(state: ["a": 21])) == 42)
    #expect(residentBytes() - before < 64 << 20)
  }

  @Test(arguments: ["^(a|a)*$", "^(a+)+$", "(a*)*b", "^((a|aa)+)+$"])
  func `cannot hang in a regular expression`(pattern: String) throws {
    let source = "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\" | test(\"\(pattern)\")"
    let time = ContinuousClock().measure { _ = try? Expression(source).evaluate(in: Scope()) }
    #expect(time < .unhurried)
    #expect(try Expression(".a * 2").evaluate(in: Scope(state: ["a": 21])) == 42)
  }

  @Test(arguments: ["repeat(1)", "range(1e9)"]) func `give no endless stream of items`(source: String) throws {
    #expect(throws: ExpressionError.self) { try Expression(source).items(in: Scope()) }
  }

  @Test func `see no environment`() throws {
    unsafe setenv("GRAPHRUN_TEST_SECRET", "do-not-show", 1)
    for source in ["$env", "[builtins]", "{env} | tojson"] {
      #expect(try !Expression(source).evaluate(in: Scope()).text.contains("do-not-show"))
    }
  }

  @Test func `share one helper among threads`() async throws {
    let expression = try Expression(".n * .n")
    try await withThrowingTaskGroup { group in
      for number in 0..<64 {
        group.addTask {
          let value = try expression.evaluate(in: Scope(state: ["n": .int(number)]))
          #expect(value == .int(number * number))
        }
      }
      try await group.waitForAll()
    }
  }

  @Test func `may be more than are kept compiled`() throws {
    for number in 0..<60 {
      #expect(try Expression(".n * \(number)").evaluate(in: Scope(state: ["n": 2])) == .int(2 * number))
    }
    #expect(try Expression(".n * 0").evaluate(in: Scope(state: ["n": 2])) == 0)
  }

  @Test func `may take a large state`() throws {
    let items = (0..<50_000).map { JSON.string("item \($0)") }
    let scope = Scope(state: ["list": .array(items)])
    let characters = items.reduce(0) { $0 + ($1.stringValue?.count ?? 0) }
    #expect(try Expression(".list | map(length) | add").evaluate(in: scope) == .int(characters))
    #expect(try Expression(".list | map(.)").evaluate(in: scope) == .array(items))
  }

  private func residentBytes() -> Int {
    let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
    return text.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 * 4096 } ?? 0
  }
}
