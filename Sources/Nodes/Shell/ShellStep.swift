import Graph
import GraphRuntime

/// One run of a script or a program as `shell` fields describe it: a node's own or a probe's.
struct ShellStep: Sendable {
  let fields: NodeFields

  init(_ fields: NodeFields) {
    self.fields = fields
  }

  private var task: TaskContext { fields.task }

  /// Runs `run` or `argv`; `show` gets what it prints as it prints it.
  func execute(show: @escaping @Sendable (String, OutputStream) -> Void) async throws -> ChildProcess.Outcome {
    if let argv = try await fields.arguments("argv") {
      guard let program = argv.first, !program.isEmpty else {
        throw fields.failure("argv", "the program's name is missing")
      }
      var child = try await child(program, Array(argv.dropFirst()))
      child.input = try await input()
      return try await child.run(stopGrace: task.stopGrace, show: show)
    }
    return try await runScript("run", input: try await input(), show: show)
  }

  /// Runs the script under `key` where the step runs, with its environment.
  func runScript(
    _ key: String, of holder: NodeFields? = nil, input: [UInt8]? = nil, stopGrace: Duration? = nil,
    show: @escaping @Sendable (String, OutputStream) -> Void
  ) async throws -> ChildProcess.Outcome {
    guard let script = try await script(key, of: holder) else {
      throw fields.failure(key, "there is no script")
    }
    let command = try ScriptCommand(script)
    defer { command.cleanUp() }
    var child = try await child(command.program, command.arguments)
    child.input = input
    let grace = task.stopGrace
    return try await child.run(stopGrace: { stopGrace ?? grace() }, show: show)
  }

  func script(_ key: String, of holder: NodeFields? = nil) async throws -> Script? {
    guard let text = try await (holder ?? fields).argument(key, quoting: .shell) else { return nil }
    return Script(text: text, interpreter: try await interpreter(), name: task.node.name.rawValue)
  }

  func child(_ program: String, _ arguments: [String]) async throws -> ChildProcess {
    ChildProcess(
      program: program, arguments: arguments, environment: try await ShellEnvironment(fields).variables(),
      folder: try await folder(), limit: try await limit(), mask: task.secretMask)
  }

  private func interpreter() async throws -> [String] {
    guard let words = try await fields.arguments("interpreter") else { return Script.standardInterpreter }
    let parts = words.count == 1 ? words[0].split(separator: " ").map(String.init) : words
    guard let program = parts.first, !program.isEmpty else {
      throw fields.failure("interpreter", "the program's name is missing")
    }
    return parts
  }

  private func folder() async throws -> String {
    guard let folder = try await fields.argument("dir"), !folder.isEmpty else { return task.folder }
    return folder.hasPrefix("/") ? folder : "\(task.folder)/\(folder)"
  }

  private func limit() async throws -> Int {
    guard let limit = try await fields.integers("limit")?.first else { return ChildProcess.defaultLimit }
    guard (1...JSONLimits.stringBytes).contains(limit) else {
      throw fields.failure("limit", "\(limit) is not between 1 and \(JSONLimits.stringBytes) bytes")
    }
    return limit
  }

  func input() async throws -> [UInt8]? {
    try await fields.text("stdin").map { Array($0.utf8) }
  }
}

extension ShellStep {
  /// The step's result, or its failure where the ending or the output is not what it should be.
  func result(of outcome: ChildProcess.Outcome) async throws -> JSON {
    var result = evidence(of: outcome)
    switch outcome.ending {
    case .signal(let number):
      let message = "ended by \(Platform.signalName(number))"
      throw NodeFailure(.signal, message + outcome.lastWords, result: .object(result))
    case .exit(let code):
      guard try await (fields.integers("ok") ?? [0]).contains(code) else {
        let message = "exit code \(code)"
        let words = outcome.lastWords + outcome.missingRights
        throw NodeFailure(.exit, message + words, result: .object(result), exitCode: code)
      }
    }
    if let parsed = try await parsed(outcome.stdout, evidence: result) { result["json"] = parsed }
    return .object(result)
  }

  /// What a probe found: any ending is a finding; output that does not parse has no `json`.
  func finding(of outcome: ChildProcess.Outcome) async throws -> JSON {
    var result = evidence(of: outcome)
    if let parsed = try? await parsed(outcome.stdout, evidence: result) { result["json"] = parsed }
    return .object(result)
  }

  private func evidence(of outcome: ChildProcess.Outcome) -> JSONObject {
    var result = JSONObject()
    switch outcome.ending {
    case .exit(let code): result["exit"] = .int(code)
    case .signal(let number): result["signal"] = .int(number)
    }
    result["stdout"] = .string(outcome.stdout.text)
    result["stderr"] = .string(outcome.stderr.text)
    result["seconds"] = .seconds(outcome.seconds)
    let omitted = outcome.stdout.omitted + outcome.stderr.omitted
    if omitted > 0 { result["truncated"] = .int(omitted) }
    if outcome.stdout.isBinary || outcome.stderr.isBinary { result["binary"] = true }
    return result
  }

  private func parsed(_ output: CapturedOutput, evidence: JSONObject) async throws -> JSON? {
    guard let format = try await fields.text("parse"), format != "text" else { return nil }
    do {
      guard output.omitted == 0 else {
        throw ParseFailure("the output is longer than the limit by \(ByteCount(output.omitted)); raise limit")
      }
      // Lines are no values by themselves: a secret may go over several.
      return try OutputFormat.parse(format == "lines" ? output.text : output.unmasked, as: format)
    } catch let failure as ParseFailure {
      throw NodeFailure(.parse, "parse: \(failure.message)", result: .object(evidence))
    }
  }
}

extension ChildProcess.Outcome {
  /// What to do where a set-uid program found that it can gain no rights (RELIABILITY S50).
  fileprivate var missingRights: String {
    guard ["no new privileges", "snap-confine"].contains(where: stderr.text.contains) else { return "" }
    return "\nremedy: set \(Hardening.allowance)=1: without it sudo, snap and other set-uid programs gain no rights"
  }

  /// What it said last, for a message: the last line that tells what happened, then all the last lines where there are
  /// several. A line that begins with `remedy:` says what to do, not what happened.
  var lastWords: String {
    let words = stderr.lastLines()
    let said = words.isEmpty ? stdout.lastLines() : words
    let lines = said.split(separator: "\n")
    guard let telling = lines.last(where: { !$0.hasPrefix("remedy:") }) ?? lines.last else { return "" }
    return lines.count == 1 ? ": \(telling)" : ": \(telling)\n\(said)"
  }
}
