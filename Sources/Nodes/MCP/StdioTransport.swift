import Foundation
import Graph
import GraphRuntime
import Subprocess
import Synchronization

#if canImport(System)
  import System
#else
  import SystemPackage
#endif

/// A server that is a child process, spoken to over its standard streams, a message a line.
final class StdioTransport: MCPTransport {
  private let command: MCPCommand
  private let server: String
  let mask: SecretMask

  private struct State {
    var receive: MCPReceiver?
    var pending: [Int: CheckedContinuation<MCPReply, any Error>] = [:]

    /// The greatest id that a request was sent with.
    var newest = 0
    var failure: NodeFailure?
    var pump: StdioPump?

    /// Lives as long as the process.
    var life: Task<Void, Never>?
    var said = ErrorTail()
    var noise = OutputNoise()
  }

  private let state = Mutex(State())

  /// In the environment of all that this server starts, to find who slipped out of its group.
  private let mark = "GRAPHRUN_SERVER=\(UUID().uuidString.lowercased())"

  init(_ command: MCPCommand, server: String, mask: SecretMask) {
    self.command = command
    self.server = server
    self.mask = mask
  }

  var hasResponseStreams: Bool { false }
  var failure: NodeFailure? { state.withLock { $0.failure } }

  var lastWords: String {
    let (end, noise) = state.withLock { ($0.said, $0.noise) }
    let said = CapturedOutput(end: end.bytes, isCut: end.isCut, mask: mask).lastWords(8)
    guard let broken = noise.broken else { return said.isEmpty ? noise.first ?? "" : said }
    let remark = "a message on its standard output \(broken)"
    return said.isEmpty ? remark : "\(said)\n(\(remark))"
  }

  func takeRemarks() -> [String] {
    state.withLock { $0.noise.takeRemark() }.map { [$0] } ?? []
  }

  func exchange(_ request: MCPMessage) async throws -> MCPReply {
    guard let id = request.body["id"]?.intValue else { preconditionFailure("a request has a number of its own") }
    let line = JSON.object(request.body).utf8 + [0x0A]
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let pump = state.withLock { state in
          if state.failure == nil, state.pump != nil { state.pending[id] = continuation }
          state.newest = max(state.newest, id)
          return state.failure == nil ? state.pump : nil
        }
        guard let pump else { return continuation.resume(throwing: failure ?? notOpen) }
        if !pump.send(line, id: id) { take(id)?.resume(throwing: deaf) }
        if Task.isCancelled { abandon(id) }
      }
    } onCancel: {
      abandon(id)
    }
  }

  func notify(_ notice: MCPMessage) async throws {
    let (pump, failure) = state.withLock { ($0.pump, $0.failure) }
    guard failure == nil, let pump else { throw failure ?? notOpen }
    guard pump.send(JSON.object(notice.body).utf8 + [0x0A], id: nil) else { throw deaf }
  }

  func post(_ notice: MCPMessage) {
    _ = state.withLock { $0.pump }?.send(JSON.object(notice.body).utf8 + [0x0A], id: nil)
  }

  func close() async {
    let (pump, life) = state.withLock { state in
      state.failure = state.failure ?? NodeFailure(.connection, "\(server) was ended")
      return (state.pump, state.life)
    }
    pump?.stop()
    await life?.value
  }

  private var notOpen: NodeFailure { NodeFailure(.connection, "\(server) does not run", precedesEffect: true) }

  private var deaf: NodeFailure {
    NodeFailure(.connection, "\(server) does not read what it is sent", precedesEffect: true)
  }

  private func take(_ id: Int) -> CheckedContinuation<MCPReply, any Error>? {
    state.withLock { $0.pending.removeValue(forKey: id) }
  }

  private func abandon(_ id: Int) {
    state.withLock { $0.pump }?.takeBack(id)
    take(id)?.resume(throwing: CancellationError())
  }

  /// Nothing more comes: everybody who waits learns why.
  private func fail(_ failure: NodeFailure) {
    let pending = state.withLock { state in
      state.failure = state.failure ?? failure
      defer { state.pending = [:] }
      return Array(state.pending.values)
    }
    for continuation in pending { continuation.resume(throwing: failure) }
  }
}

// MARK: - The process

extension StdioTransport {
  func open(_ receive: @escaping MCPReceiver) async throws {
    let (pump, streams): (StdioPump, Streams)
    do throws(SystemFailure) {
      pump = try makePump()
      streams = try Streams()
    } catch {
      throw NodeFailure(.spawn, "could not start \(server): \(error)", precedesEffect: true)
    }
    state.withLock { state in
      state.receive = receive
      state.pump = pump
    }
    try await withCheckedThrowingContinuation { started in
      // Not part of whoever needed the server first: it lives until `close`, which awaits it.
      let life = Task { await live(pump, streams, started) }
      state.withLock { $0.life = life }
    }
  }

  private func makePump() throws(SystemFailure) -> StdioPump {
    try StdioPump(
      StdioPump.Listener(
        line: { [weak self] in self?.take(line: $0) },
        error: { [weak self] bytes in self?.state.withLock { $0.said.append(bytes) } },
        breach: { [weak self] in self?.take(breach: $0) }))
  }

  private func live(
    _ pump: StdioPump, _ streams: Streams, _ started: CheckedContinuation<Void, any Error>
  ) async {
    let pid = Mutex<Int?>(nil)
    do {
      let result = try await Subprocess.run(
        child.configuration, input: .fileDescriptor(streams.input.read, closeAfterSpawningProcess: true),
        output: .fileDescriptor(streams.output.write, closeAfterSpawningProcess: true),
        error: .fileDescriptor(streams.error.write, closeAfterSpawningProcess: true)
      ) { execution in
        let id = Int(execution.processIdentifier.value)
        pid.withLock { $0 = id }
        started.resume()
        await pump.run(
          pid: id, input: streams.input.write, output: streams.output.read, error: streams.error.read)
      }
      fail(ended(ChildProcess.Ending(result.terminationStatus)))
    } catch {
      let failure =
        (error as? SubprocessError).map(child.failure) ?? NodeFailure(.spawn, "could not start \(server): \(error)")
      fail(failure)
      guard pid.withLock({ $0 }) != nil else {
        streams.closeOurs()
        return started.resume(throwing: failure)
      }
    }
    if let pid = pid.withLock({ $0 }) { await ProcessGroup(id: pid).end(grace: .seconds(1)) }
    await Orphans.end(Orphans.find(withEnvironment: [mark]), grace: .seconds(1))
  }

  private var child: ChildProcess {
    var environment = command.environment
    let parts = mark.split(separator: "=", maxSplits: 1).map(String.init)
    environment[parts[0]] = parts[1]
    return ChildProcess(
      program: command.program, arguments: command.arguments, environment: environment, folder: command.folder)
  }

  private func ended(_ ending: ChildProcess.Ending) -> NodeFailure {
    switch ending {
    case .exit(let code): NodeFailure(.connection, "\(server) ended with exit code \(code)", exitCode: code)
    case .signal(let number): NodeFailure(.connection, "\(server) was ended by \(Platform.signalName(number))")
    }
  }

  /// The child's ends and ours.
  private struct Streams {
    let input: (read: FileDescriptor, write: Int32)
    let output: (read: Int32, write: FileDescriptor)
    let error: (read: Int32, write: FileDescriptor)

    init() throws(SystemFailure) {
      var opened: [Int32] = []
      do throws(SystemFailure) {
        let input = try Platform.pipe()
        opened += [input.read, input.write]
        let output = try Platform.pipe()
        opened += [output.read, output.write]
        let error = try Platform.pipe()
        self.input = (FileDescriptor(rawValue: input.read), input.write)
        self.output = (output.read, FileDescriptor(rawValue: output.write))
        self.error = (error.read, FileDescriptor(rawValue: error.write))
      } catch {
        for descriptor in opened { Platform.close(descriptor) }
        throw error
      }
    }

    func closeOurs() {
      for descriptor in [input.write, output.read, error.read] { Platform.close(descriptor) }
    }
  }
}

// MARK: - What it says

extension StdioTransport {
  private func take(breach: StdioPump.Breach) {
    let limit = StdioPump.longestLine >> 20
    switch breach {
    case .lineTooLong: fail(NodeFailure(.limit, "\(server) sent a message of more than \(limit) MiB; it was ended"))
    case .inputClosed: fail(NodeFailure(.connection, "\(server) closed its standard input; it was ended"))
    case .outputClosed: fail(NodeFailure(.connection, "\(server) closed its standard output; it was ended"))
    }
  }

  private func take(line: [UInt8]) {
    let line = line.last == 0x0D ? line.dropLast() : line[...]
    guard line.contains(where: { $0 != 0x20 && $0 != 0x09 }) else { return }
    do {
      let value = try JSON(parsing: line)
      // Lists of messages are of version 2025-03-26.
      for message in value.arrayValue ?? [value] { take(message: message, line) }
    } catch {
      take(broken: line, error)
    }
  }

  private func take(message: JSON, _ line: ArraySlice<UInt8>) {
    guard let message = message.objectValue else { return note(line) }
    guard message["method"] == nil else { return answer(message) }
    if let id = message["id"]?.intValue, wasSent(id) {
      // An answer that nobody waits for any more is nothing odd.
      take(id)?.resume(returning: MCPReply(body: message))
    } else if let id = MCPShape.spelledID(of: message), let waiting = take(id) {
      waiting.resume(throwing: MCPShape.spelledOut(server, id))
    } else if Self.isRefusal(message), let only = takeOnly() {
      only.resume(returning: MCPReply(body: message))
    } else if let id = message["id"], id != .null {
      note(line, broken: "answers to the id \(mask.summary(of: id)), which no request has")
    } else {
      note(line)
    }
  }

  private func wasSent(_ id: Int) -> Bool { state.withLock { (1...max(1, $0.newest)).contains(id) } }

  /// A server that could not read a request does not know its id. Other errors without one may be about notices.
  private static func isRefusal(_ message: JSONObject) -> Bool {
    [-32700, -32600].contains(message["error"]?["code"]?.intValue)
  }

  /// The one request there is.
  private func takeOnly() -> CheckedContinuation<MCPReply, any Error>? {
    state.withLock { state in
      guard state.pending.count == 1, let id = state.pending.keys.first else { return nil }
      return state.pending.removeValue(forKey: id)
    }
  }

  private func answer(_ message: JSONObject) {
    let (receive, pump) = state.withLock { ($0.receive, $0.pump) }
    guard let answer = receive?(message) else { return }
    // A server that asks and does not read the answers gets no more of them.
    _ = pump?.send(JSON.object(answer).utf8 + [0x0A], id: nil, upTo: 1 << 20)
  }

  /// A line that is no JSON: an answer that breaks a limit fails its request, anything else is noise (banners).
  private func take(broken line: ArraySlice<UInt8>, _ error: JSONTextError) {
    guard let id = Self.id(in: line), let waiting = take(id) else {
      return note(line, broken: "cannot be read: \(error.message)")
    }
    waiting.resume(throwing: MCPShape.failure(server, "its answer cannot be read: \(error.message)"))
  }

  private func note(_ line: ArraySlice<UInt8>, broken reason: String? = nil) {
    state.withLock { $0.noise.add(line, broken: reason, mask) }
  }

  /// The id of a message that does not parse, where it stands at its beginning or at its end.
  private static func id(in line: ArraySlice<UInt8>) -> Int? {
    let start = String(decoding: line.prefix(256), as: UTF8.self)
    let end = String(decoding: line.suffix(256), as: UTF8.self)
    guard start.hasPrefix("{"), (start + end).contains("\"jsonrpc\"") else { return nil }
    let head = start.range(of: "\"result\"").map { start[..<$0.lowerBound] } ?? start[...]
    if let key = head.range(of: "\"id\"") { return number(head[key.upperBound...]) }
    guard let key = end.range(of: "\"id\"", options: .backwards) else { return nil }
    let rest = end[key.upperBound...]
    // Deeper inside the message it would be the id of something else.
    return rest.contains("{") || rest.count(where: { $0 == "}" }) != 1 ? nil : number(rest)
  }

  private static func number(_ text: Substring) -> Int? {
    Int(text.drop { $0 == " " || $0 == ":" }.prefix { $0.isASCII && $0.isNumber })
  }
}
