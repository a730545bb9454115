public import Graph
public import GraphRuntime
import NIOHTTP1

extension ShellNode {
  /// The ending and the output that it is said to have are judged as real ones.
  public func rehearse(_ task: TaskContext, finding: JSON?) async throws -> NodeResult? {
    guard let finding else { return nil }
    let step = ShellStep(NodeFields(task))
    guard let said = finding.objectValue?.withTexts("stdout", "stderr"), step.fields["detach"] == nil else {
      return .result(finding)
    }
    let outcome = try await step.outcome(saidToBe: said)
    return .result(try await step.result(of: outcome).completed(by: said))
  }
}

extension ShellStep {
  /// What a probe is said to have found, with what follows from it.
  func finding(saidToBe said: JSONObject) async throws -> JSON {
    if said["error"] != nil { return .object(said) }
    let said = said.withTexts("stdout", "stderr")
    return try await finding(of: try await outcome(saidToBe: said)).completed(by: said)
  }

  /// A program that is said to have ended so. Where only its `json` is given, that is what it printed.
  fileprivate func outcome(saidToBe said: JSONObject) async throws -> ChildProcess.Outcome {
    var printed = said["stdout"]?.stringValue ?? ""
    if said["stdout"] == nil, let json = said["json"], let format = try await fields.text("parse") {
      printed = OutputFormat.text(of: json, as: format)
    }
    let ending = said["signal"]?.intValue.map(ChildProcess.Ending.signal) ?? .exit(said["exit"]?.intValue ?? 0)
    return ChildProcess.Outcome(
      ending: ending, stdout: CapturedOutput(head: [], tail: Array(printed.utf8), omitted: 0),
      stderr: CapturedOutput(head: [], tail: Array((said["stderr"]?.stringValue ?? "").utf8), omitted: 0),
      seconds: said["seconds"]?.doubleValue ?? 0)
  }
}

extension OutputFormat {
  /// What a program prints so that it reads as `value`.
  fileprivate static func text(of value: JSON, as format: String) -> String {
    switch (format, value) {
    case ("lines", .array(let lines)): lines.map { $0.argumentText + "\n" }.joined()
    case ("jsonl", .array(let values)): values.map { $0.text + "\n" }.joined()
    default: value.text
    }
  }
}

extension HTTPNode {
  /// The status and the body that came are judged as real ones.
  public func rehearse(_ task: TaskContext, finding: JSON?) async throws -> NodeResult? {
    guard let finding else { return nil }
    guard let said = finding.objectValue?.withTexts("body") else { return .result(finding) }
    let exchange = HTTPExchange(NodeFields(task))
    return .result(
      try await exchange.result(of: .init(saidToBe: said), HTTPRequestPlan(exchange.fields)).completed(by: said))
  }
}

extension HTTPExchange {
  func finding(saidToBe said: JSONObject) async throws -> JSON {
    if said["error"] != nil { return .object(said) }
    let said = said.withTexts("body")
    return try await finding(of: .init(saidToBe: said)).completed(by: said)
  }
}

extension HTTPExchange.Answer {
  fileprivate init(saidToBe said: JSONObject) {
    var headers = HTTPHeaders()
    for (name, value) in said["headers"]?.objectValue ?? [:] { headers.add(name: name, value: value.argumentText) }
    let body = said["body"]?.argumentText ?? said["json"]?.text ?? ""
    self.init(
      status: said["status"]?.intValue ?? 200, headers: headers, body: Array(body.utf8),
      seconds: said["seconds"]?.doubleValue ?? 0)
  }
}

extension LLMNode {
  /// The answer is held to `format` as a real one.
  public func rehearse(_ task: TaskContext, finding: JSON?) async throws -> NodeResult? {
    guard let finding else { return nil }
    guard let said = finding.objectValue?.withTexts("text") else { return .result(finding) }
    let text = said["text"]?.argumentText ?? said["json"]?.text ?? ""
    var result: JSONObject = [
      "text": .string(text), "message": ["role": "assistant", "content": .string(text)], "usage": [:], "seconds": 0,
    ]
    let fields = NodeFields(task)
    if let format = try await fields.value("format"), format != .null {
      do {
        result["json"] = try StructuredAnswer.parse(text, as: JSONSchema(format))
      } catch let error as ParseFailure {
        throw NodeFailure(.parse, error.message, result: .object(result))
      } catch let error as JSONSchemaError {
        throw fields.failure("format", error.description)
      }
    }
    return .result(JSON.object(result).completed(by: said))
  }
}

extension Probe {
  /// What the probe that `fields` name is said to have found, whole.
  static func finding(saidToBe finding: JSON, _ fields: NodeFields) async throws -> JSON {
    guard let said = finding.objectValue else { return finding }
    if let shell = fields.nested("shell") { return try await ShellStep(shell).finding(saidToBe: said) }
    if let http = fields.nested("http") { return try await HTTPExchange(http).finding(saidToBe: said) }
    return said["error"] == nil ? MCPResult.said(said) : finding
  }
}

extension MCPNode {
  public func rehearse(_ task: TaskContext, finding: JSON?) async throws -> NodeResult? {
    finding.map { finding in .result(finding.objectValue.map(MCPResult.said) ?? finding) }
  }
}

extension MCPResult {
  /// What a tool is said to have given, whole.
  static func said(_ said: JSONObject) -> JSON {
    let text = said["text"]?.stringValue.map { [["type": "text", "text": JSON.string($0)] as JSON] } ?? []
    let result = MCPResult(content: said["content"]?.arrayValue ?? text, structured: said["structured"])
    return result.json.completed(by: said)
  }
}

extension AgentNode {
  public func rehearse(_ task: TaskContext, finding: JSON?) async throws -> NodeResult? {
    let empty: JSON = ["text": "", "messages": [], "calls": [], "usage": [:]]
    return finding.map { finding in .result(finding.objectValue.map(empty.completed) ?? finding) }
  }
}

extension JSON {
  /// With what was said in so many words, which counts.
  fileprivate func completed(by said: JSONObject) -> JSON {
    guard var object = objectValue else { return self }
    for (key, value) in said { object[key] = value }
    return .object(object)
  }
}

extension JSONObject {
  /// With those parts as text, as programs and servers give them: a template may have made another value of one.
  fileprivate func withTexts(_ keys: String...) -> JSONObject {
    var object = self
    for key in keys { object[key] = object[key].map { .string($0.argumentText) } }
    return object
  }
}
