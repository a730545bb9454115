import Foundation
import Graph
import GraphRuntime
import NIOCore
import NIOHTTP1
import OrderedCollections
import Testing

@testable import GraphNodes

@Suite("HTTP")
struct HTTPTests {
  let bench = Bench()
  let http = HTTPNode()

  func task(_ url: String, _ more: [(String, Field)] = []) -> TaskContext {
    bench.task("http", [("url", .literal(.string(url)))] + more)
  }

  @Test func `an answer is status, headers, body and json`() async throws {
    let server = try await WebServer { _ in
      .init(headers: ["Content-Type": "application/json; charset=utf-8", "X-A": "1"], body: "{\"a\":[1]}")
    }
    let result = try await http.result(task(server.url("/x?y=1")))
    #expect(result["status"] == 200 && result["body"] == "{\"a\":[1]}" && result["json"] == ["a": [1]])
    #expect(result["headers"]?["x-a"] == "1" && result["seconds"]?.doubleValue != nil)
    #expect(server.asked.first?.head.uri == "/x?y=1" && server.asked.first?.head.method == .GET)
    #expect(server.asked.first?.head.headers.contains(name: "idempotency-key") == false)
  }

  @Test func `a body is sent, with the task's key`() async throws {
    let server = try await WebServer { _ in .init(status: .created) }
    let fields: [(String, Field)] = [
      ("method", "POST"), ("body", .literal(["a": 1])), ("headers", .literal(["X-B": "c"])),
    ]
    #expect(try await http.result(task(server.url("/"), fields))["status"] == 201)
    let asked = try #require(server.asked.first)
    #expect(asked.body == "{\"a\":1}" && asked.head.headers["content-type"] == ["application/json"])
    #expect(asked.head.headers["idempotency-key"] == [bench.key] && asked.head.headers["x-b"] == ["c"])
  }

  @Test(arguments: [(404, true), (429, true), (401, true), (503, true), (500, false)])
  func `a bad status is a failure with its evidence`(status: Int, precedes: Bool) async throws {
    let server = try await WebServer { _ in
      .init(status: .init(statusCode: status), headers: ["Retry-After": "7"], body: "because")
    }
    let failure = try await http.failure(task(server.url("/"), [("method", "POST")]))
    #expect(failure.kind == .http && failure.precedesEffect == precedes && failure.retryAfter == .seconds(7))
    #expect(failure.message.hasSuffix("status \(status): because") && failure.result?["status"] == .int(status))
    let fine = try await http.result(task(server.url("/"), [("ok", .literal(["4xx", "5xx"]))]))
    #expect(fine["status"] == .int(status))
  }

  @Test func `redirects within a server are followed without credentials`() async throws {
    let server = try await WebServer { request in
      request.head.uri == "/a" ? .init(status: .found, headers: ["Location": "/b"]) : .init(body: "there")
    }
    let headers = Field.literal(["Authorization": "Bearer x", "X-Plain": "y"])
    #expect(try await http.result(task(server.url("/a"), [("headers", headers)]))["body"] == "there")
    #expect(server.asked.map { $0.head.headers.contains(name: "authorization") } == [true, false])
    #expect(server.asked.last?.head.headers["x-plain"] == ["y"])
  }

  @Test(arguments: [
    "http://169.254.169.254/", "http://example.org/", "https://127.0.0.1/", "file:///etc/passwd", "//u:p@h/",
  ])
  func `redirects elsewhere are refused`(location: String) async throws {
    let server = try await WebServer { _ in .init(status: .found, headers: ["Location": location]) }
    #expect(try await http.failure(task(server.url("/"))).kind == .refused)
  }

  @Test(arguments: [
    "file:///etc/passwd", "gopher://x/", "http://user:pass@example.org/", "http:///x", "nonsense", "http://a b/",
  ])
  func `other addresses are refused`(url: String) async throws {
    let failure = try await http.failure(task(url))
    #expect(failure.kind == .refused && failure.precedesEffect)
    #expect(!failure.message.contains("pass@"))
  }

  @Test(arguments: ["127.0.0.1", "localhost", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "2130706433"])
  func `a private address that an expression gives is refused`(host: String) async throws {
    let server = try await WebServer { _ in .init() }
    let url = Field.expression(try Expression(".url"))
    let scope = Scope(state: ["url": .string("http://\(host):\(server.port)/")])
    let failure = try await http.failure(bench.task("http", [("url", url)], scope: scope))
    #expect(failure.kind == .refused || (host.hasPrefix("[") && failure.kind == .connection), "\(failure.message)")
    #expect(server.asked.isEmpty)
    if host == "127.0.0.1" {
      let fields: [(String, Field)] = [("url", url), ("private", .literal(true))]
      #expect(try await http.result(bench.task("http", fields, scope: scope))["status"] == 200)
    }
  }

  @Test(arguments: [
    ("http://localhost:80/${{ .x }}", "http://localhost:80/a", true),
    ("http://localhost:${{ .x }}/a", "http://localhost:80/a", true),
    ("http://local${{ .x }}/a", "http://localhost/a", false), ("http://${{ .x }}/", "http://h/", false),
    ("${{ .x }}", "http://h/", false), ("http://h?q=${{ .x }}", "http://h?q=a", true), ("http://h/", "http://h/", true),
    ("http://user:${{ .x }}/", "http://other/", false),
  ]) func `whether an expression gave the host`(url: String, evaluated: String, isConstant: Bool) throws {
    let address = try HTTPAddress(evaluated)
    #expect(address.hasConstantHost(in: .template(try Template(parsing: url))) == isConstant)
  }

  @Test func `line breaks in a header are refused`() async throws {
    let failure = try await http.failure(task("http://127.0.0.1:1/", [("headers", .literal(["X": "a\r\nY: b"]))]))
    #expect(failure.kind == .refused && failure.message.contains("headers.X"))
  }

  @Test func `a server that is not there is a failure before any effect`() async throws {
    let failure = try await http.failure(task("http://127.0.0.1:1/", [("method", "POST")]))
    #expect(failure.kind == .connection && failure.precedesEffect && failure.message.contains("refused"))
    let name = try await http.failure(task("http://no-such-host.invalid/"))
    #expect(name.kind == .connection && name.precedesEffect, "\(name.message)")
  }

  @Test func `a connection that breaks leaves a write in doubt`() async throws {
    let server = try await WebServer { _ in .init(body: "half", cut: true) }
    let failure = try await http.failure(task(server.url("/"), [("method", "POST")]))
    #expect(failure.kind == .connection && failure.isInDoubt && !failure.precedesEffect)
  }

  @Test func `silence is a timeout`() async throws {
    let server = try await WebServer { _ in .init(isSilent: true) }
    var exchange = HTTPExchange(NodeFields(task(server.url("/"), [("method", "PUT")])))
    exchange.limits.firstByte = .milliseconds(100)
    await #expect { try await exchange.result() } throws: { error in
      guard let failure = error as? NodeFailure else { return false }
      return failure.kind == .timeout && failure.isInDoubt
    }
  }

  @Test func `an answer has a longest length`() async throws {
    let server = try await WebServer { _ in .init(body: String(repeating: "x", count: (8 << 20) + 1)) }
    #expect(try await http.failure(task(server.url("/"))).kind == .limit)
  }

  @Test func `json that is none is a failure`() async throws {
    let server = try await WebServer { _ in .init(headers: ["Content-Type": "application/json"], body: "<html>") }
    let failure = try await http.failure(task(server.url("/")))
    #expect(failure.kind == .parse && failure.result?["body"] == "<html>")
    #expect(try await http.result(task(server.url("/"), [("parse", "text")]))["json"] == nil)
  }

  @Test func `a stop ends the wait for an answer`() async throws {
    let (arrivals, arrived) = AsyncStream.makeStream(of: Void.self)
    let server = try await WebServer { _ in
      arrived.yield()
      return .init(isSilent: true)
    }
    let running = Task { try await http.run(task(server.url("/"))) }
    for await _ in arrivals { break }
    running.cancel()
    await #expect(throws: CancellationError.self) { try await running.value }
  }

  @Test(arguments: [
    ("10.1.2.3", true), ("172.31.0.1", true), ("172.32.0.1", false), ("192.168.0.1", true), ("169.254.169.254", true),
    ("100.64.0.1", true), ("8.8.8.8", false), ("::1", true), ("fe80::1", true), ("fd00::1", true),
    ("::ffff:10.0.0.1", true), ("64:ff9b::7f00:1", true), ("2002:7f00:1::", true), ("2606:4700::1111", false),
    ("0.0.0.0", true), ("224.0.0.1", true), ("nonsense", true),
  ]) func `private addresses`(address: String, isPrivate: Bool) {
    #expect(PrivateRanges.contain(address) == isPrivate)
  }

  @Test func `reading is pure, writing happens once`() {
    func effects(_ fields: OrderedDictionary<String, Field>, _ effects: Effects? = nil) -> EffectClass {
      http.effectClass(of: Node("n", kind: "http", fields: fields, effects: effects))
    }
    #expect(effects(["url": "x"]) == .pure && effects(["method": "HEAD"]) == .pure)
    #expect(effects(["method": "POST"]) == .once && effects(["method": "PUT"], .repeatable) == .repeatable)
    #expect(effects(["url": "x"], .once) == .once)
  }
}
