import Graph
import GraphRuntime
import NIOHTTP1

/// One question to a web server and its answer, as `http` fields describe it: a node's own or a probe's.
struct HTTPExchange: Sendable {
  let fields: NodeFields
  var limits = Silence.Limits()

  init(_ fields: NodeFields) {
    self.fields = fields
  }

  /// Bytes of a body that are taken at most.
  static let longestBody = 8 << 20
  private static let mostRedirects = 5

  /// Asking again does no harm.
  static func isSafe(_ method: String) -> Bool {
    ["GET", "HEAD", "OPTIONS"].contains(method.uppercased())
  }

  struct Answer: Sendable {
    var status: Int
    var headers: HTTPHeaders
    var body: [UInt8]
    var seconds: Double
  }

  /// The node's result, or its failure where the status or the body is not what it should be.
  func result() async throws -> JSON {
    let plan = try await HTTPRequestPlan(fields)
    return try await result(of: try await ask(plan), plan)
  }

  /// What the node makes of `answer` to what `plan` asked.
  func result(of answer: Answer, _ plan: HTTPRequestPlan) async throws -> JSON {
    var result = evidence(of: answer)
    guard try await accepts(answer.status) else { throw failure(answer, result, plan) }
    do {
      if let json = try await parsed(answer) { result["json"] = json }
    } catch let error as ParseFailure {
      throw NodeFailure(.parse, "\(fields.prefix)parse: \(error.message)", result: .object(result))
    }
    return .object(result)
  }

  /// What a probe found: any status is a finding.
  func finding() async throws -> JSON {
    try await finding(of: try await ask(try await HTTPRequestPlan(fields)))
  }

  /// What a probe makes of `answer`.
  func finding(of answer: Answer) async throws -> JSON {
    var result = evidence(of: answer)
    if let json = try? await parsed(answer) { result["json"] = json }
    return .object(result)
  }

  /// Whether `status` is no failure.
  func accepts(_ status: Int) async throws -> Bool {
    guard let ok = try await fields.value("ok"), ok != .null else { return (200..<300).contains(status) }
    return try (ok.arrayValue ?? [ok]).contains { item in
      if let number = item.intValue { return number == status }
      let text = item.stringValue?.lowercased()
      guard let text, text.count == 3, text.hasSuffix("xx"), let first = text.first?.wholeNumberValue else {
        throw fields.failure("ok", "\(item.summary) is neither a status nor a class like 2xx")
      }
      return status / 100 == first
    }
  }

  private func evidence(of answer: Answer) -> JSONObject {
    var headers = JSONObject()
    for (name, value) in answer.headers {
      let name = name.lowercased()
      headers[name] = .string(headers[name]?.stringValue.map { "\($0), \(value)" } ?? value)
    }
    let text = String(validating: answer.body, as: UTF8.self)
    var result: JSONObject = [
      "status": .int(answer.status), "headers": .object(headers),
      "body": .string(text ?? String(decoding: answer.body, as: UTF8.self)), "seconds": .seconds(answer.seconds),
    ]
    if text == nil { result["binary"] = true }
    return result
  }

  /// `json` of the result: what `parse` says, else what the content type says.
  private func parsed(_ answer: Answer) async throws -> JSON? {
    let text = String(decoding: answer.body, as: UTF8.self)
    if let format = try await fields.text("parse") {
      if format == "text" { return nil }
      return try OutputFormat.parse(text, as: format)
    }
    let type = answer.headers.first(name: "content-type")?.lowercased().prefix { $0 != ";" && $0 != " " } ?? ""
    guard type == "application/json" || type.hasSuffix("+json"), !answer.body.isEmpty else { return nil }
    return try OutputFormat.parse(text, as: "json")
  }

  private var mask: SecretMask { fields.task.secretMask }

  private func failure(_ answer: Answer, _ result: JSONObject, _ plan: HTTPRequestPlan) -> NodeFailure {
    let retryAfter = answer.headers.first(name: "retry-after").flatMap(RetryAfter.duration)
    let said = mask.excerpt(of: CapturedOutput(head: [], tail: answer.body, omitted: 0).text, 300)
    let precedes = [401, 404, 429].contains(answer.status) || (answer.status == 503 && retryAfter != nil)
    return NodeFailure(
      .http, "\(plan.method) \(plan.url.text): status \(answer.status)\(said.isEmpty ? "" : ": \(said)")",
      result: .object(result), precedesEffect: precedes, retryAfter: retryAfter)
  }
}

extension HTTPExchange {
  /// Asks, and follows redirects within the same origin.
  private func ask(_ plan: HTTPRequestPlan) async throws -> Answer {
    var plan = plan
    let clock = ContinuousClock()
    let start = clock.now
    for _ in 0...Self.mostRedirects {
      var answer = try await send(plan)
      answer.seconds = (clock.now - start) / .seconds(1)
      guard let next = try redirected(plan, by: answer) else { return answer }
      plan = next
    }
    throw NodeFailure(.http, "\(plan.url.text): more than \(Self.mostRedirects) redirects")
  }

  /// What to ask instead; `nil` when the answer is the answer.
  private func redirected(_ plan: HTTPRequestPlan, by answer: Answer) throws(NodeFailure) -> HTTPRequestPlan? {
    guard [301, 302, 303, 307, 308].contains(answer.status), let location = answer.headers.first(name: "location"),
      plan.method == "GET" || plan.method == "HEAD" || answer.status == 303
    else { return nil }
    var next = plan
    do {
      next.url = try plan.url.resolving(location)
    } catch {
      throw NodeFailure(.refused, "\(plan.url.text) redirects: \(error.message(masking: mask))")
    }
    guard next.url.hasSameOrigin(as: plan.url) else {
      throw NodeFailure(
        .refused, "\(plan.url.text) redirects to \(next.url.scheme)://\(next.url.host): another server is not followed")
    }
    if answer.status == 303, plan.method != "HEAD" {
      next.method = "GET"
      next.body = nil
      for name in ["Content-Type", "Idempotency-Key"] { next.headers.remove(name: name) }
    }
    for name in plan.secretHeaders { next.headers.remove(name: name) }
    return next
  }

  private func send(_ plan: HTTPRequestPlan) async throws -> Answer {
    try await HTTPStream(plan: plan, limits: limits).open { head, body in
      let body = try await body.whole(limitBytes: Self.longestBody)
      return Answer(status: head.status, headers: head.headers, body: body, seconds: 0)
    }
  }
}
