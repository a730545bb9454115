import Graph
import GraphRuntime
import Synchronization

/// An Ollama server: its models, and answers that stream.
struct OllamaServer: Sendable {
  var endpoint: ModelEndpoint

  /// Where the environment says it is.
  ///
  /// - Throws: ``NodeFailure`` of kind `refused` where `OLLAMA_HOST` is no address.
  init(environment: [String: String]) throws(NodeFailure) {
    let host = environment["OLLAMA_HOST"] ?? ""
    let source = host.isEmpty ? "OLLAMA_HOST (not set)" : "OLLAMA_HOST"
    endpoint = try ModelEndpoint(OllamaHost.address(host), source: source)
    endpoint.key = environment["OLLAMA_API_KEY"].flatMap { $0.isEmpty ? nil : $0 }
  }

  init(_ endpoint: ModelEndpoint) {
    self.endpoint = endpoint
  }

  struct Model: Sendable, Hashable {
    var name: String
    var sizeBytes: Int?

    /// `completion`, `tools`, `vision` …; `nil` where the server is too old to tell.
    var capabilities: Set<String>?
  }

  /// What a model can do and hold.
  struct Details: Sendable, Hashable {
    var capabilities: Set<String>?

    /// Tokens it was trained for.
    var contextLength: Int?

    /// `num_ctx` of its own parameters.
    var configuredContext: Int?
  }

  func version() async throws -> String {
    try await json("/api/version")["version"]?.stringValue ?? ""
  }

  /// The installed models.
  func models() async throws -> [Model] {
    let answer = try await json("/api/tags")
    guard let items = answer["models"]?.arrayValue else {
      throw NodeFailure(.protocol, "\(endpoint.base.text)/api/tags: no list of models")
    }
    return items.compactMap { item in
      (item["name"] ?? item["model"])?.stringValue.map {
        Model(name: $0, sizeBytes: item["size"]?.intValue, capabilities: Self.capabilities(item))
      }
    }
  }

  func details(of model: String) async throws -> Details {
    let answer = try await json("/api/show", ["model": .string(model)], model: model)
    let length = answer["model_info"]?.objectValue?.first { $0.key.hasSuffix(".context_length") }?.value.intValue
    let parameters = answer["parameters"]?.stringValue ?? ""
    let configured = parameters.split(separator: "\n").map { $0.split(separator: " ", omittingEmptySubsequences: true) }
      .first { $0.count == 2 && $0[0] == "num_ctx" }
    return Details(
      capabilities: Self.capabilities(answer), contextLength: length,
      configuredContext: configured.flatMap { Int($0[1]) })
  }

  /// How far a download is.
  struct PullProgress: Sendable, Hashable {
    var status: String
    var digest: String?
    var completedBytes: Int?
    var totalBytes: Int?
  }

  /// Downloads `model`; what was downloaded before is kept.
  func pull(_ model: String, progress: @escaping @Sendable (PullProgress) -> Void) async throws {
    let isDone = try await fold(into: false, "/api/pull", ["model": .string(model), "stream": true], model: model) {
      isDone, line in
      progress(
        PullProgress(
          status: line["status"]?.stringValue ?? "", digest: line["digest"]?.stringValue,
          completedBytes: line["completed"]?.intValue, totalBytes: line["total"]?.intValue))
      isDone = line["status"] == "success"
      return isDone
    }
    guard isDone else {
      throw NodeFailure(.model, "the download of \(model) broke off; `ollama pull \(model)` goes on where it stopped")
    }
  }

  static func capabilities(_ json: JSON) -> Set<String>? {
    json["capabilities"]?.arrayValue.map { Set($0.compactMap(\.stringValue)) }
  }
}

extension OllamaServer {
  /// Bytes of an answer about models.
  private static let longestAnswer = 16 << 20

  /// One question with one answer.
  func json(_ path: String, _ body: JSON? = nil, model: String? = nil) async throws -> JSON {
    var server = self
    server.endpoint.limits = Silence.Limits(firstByte: .seconds(20), idle: .seconds(20))
    return try await server.asking(path, body, model: model) { head, answer in
      let bytes = try await answer.whole(limitBytes: Self.longestAnswer)
      do {
        return try JSON(parsing: bytes)
      } catch {
        throw NodeFailure(.protocol, "\(endpoint.base.text)\(path): the answer is no JSON: \(error)")
      }
    }
  }

  /// Goes through the objects of a streamed answer until `take` says that it has all, or the stream ends.
  func fold<State: Sendable>(
    into state: State, _ path: String, _ body: JSON, model: String,
    _ take: @escaping @Sendable (inout State, JSON) throws -> Bool
  ) async throws -> State {
    try await asking(path, body, model: model) { head, answer in
      var state = state
      var framer = LineFramer()
      for try await piece in answer {
        for line in try framed({ () throws(FramingError) in try framer.lines(in: piece) }) {
          if let object = try object(line), try take(&state, object) { return state }
        }
      }
      if let line = framer.finish(), let object = try object(line) { _ = try take(&state, object) }
      return state
    }
  }

  private func asking<Value: Sendable>(
    _ path: String, _ body: JSON?, model: String?,
    _ take: @escaping @Sendable (HTTPStream.Head, HTTPStream.Body) async throws -> Value
  ) async throws -> Value {
    let stream = try endpoint.stream(path, body)
    let refused: Refusal
    do {
      let outcome: Result<Value, Refusal> = try await stream.open { head, answer in
        try endpoint.checkIsService(head)
        guard (200..<300).contains(head.status) else {
          return .failure(Refusal(head: head, body: try await answer.beginning()))
        }
        return .success(try await take(head, answer))
      }
      switch outcome {
      case .success(let value): return value
      case .failure(let refusal): refused = refusal
      }
    } catch let failure as NodeFailure {
      throw unreachable(failure)
    }
    throw await failure(refused, path: path, model: model)
  }

  private func framed(_ body: () throws(FramingError) -> [[UInt8]]) throws(NodeFailure) -> [[UInt8]] {
    do {
      return try body()
    } catch {
      throw NodeFailure(.limit, "the answer of \(endpoint.base.text): \(error)")
    }
  }

  /// The object of a line; `nil` for a blank one.
  ///
  /// - Throws: ``NodeFailure``, of kind `model` where the line is an error: those come with status 200 too.
  private func object(_ line: [UInt8]) throws(NodeFailure) -> JSON? {
    if line.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) { return nil }
    let json: JSON
    do {
      json = try JSON(parsing: line)
    } catch {
      throw NodeFailure(.protocol, "\(endpoint.base.text) sent a line that is no JSON: \(error)")
    }
    guard case .object = json else {
      throw NodeFailure(
        .protocol, "\(endpoint.base.text) sent \(endpoint.mask.summary(of: json)) where an object should be")
    }
    if let error = json["error"], error != .null {
      throw NodeFailure(.model, "the model failed: \(ServerError(endpoint).text(error))")
    }
    return json
  }
}
