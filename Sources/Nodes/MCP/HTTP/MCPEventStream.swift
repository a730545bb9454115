import Graph
import GraphRuntime

/// Reads JSON-RPC messages out of a stream of events, and knows where to go on when it breaks.
struct MCPEventStream: Sendable {
  let server: String

  /// The id of the last whole event; `nil` where the stream cannot be taken up again.
  private(set) var lastID: String?

  /// How long to wait before that.
  private(set) var retry: Duration = .seconds(1)

  /// Whole events that came, those without a message too.
  private(set) var count = 0

  private static let shortestRetry: Duration = .milliseconds(100)
  private static let longestRetry: Duration = .seconds(60)
  private static let longestID = 1024

  init(server: String) {
    self.server = server
  }

  /// How a stream was left.
  enum Ending: Sendable {
    case answered(JSONObject)

    /// It ended, or broke, and can be taken up from here.
    case ended(MCPEventStream, NodeFailure?)
  }

  /// Takes messages until `take` gives the one that is waited for.
  ///
  /// - Throws: ``NodeFailure`` (kinds `limit`, `protocol`); `CancellationError`.
  func read(
    _ body: HTTPStream.Body, _ take: @Sendable (JSONObject) throws -> JSONObject?
  ) async throws -> Ending {
    var stream = self
    var parser = EventStreamParser(limitBytes: MCPWebClient.longestMessage)
    do {
      for try await piece in body {
        for event in try events(in: piece, &parser) {
          stream.note(event)
          for message in try messages(of: event) {
            if let answer = try take(message) { return .answered(answer) }
          }
        }
      }
    } catch let failure as NodeFailure where failure.kind == .connection || failure.kind == .timeout {
      return .ended(stream, failure)
    }
    // The last event of a server that leaves the blank line out; of one that was cut there is nothing to read.
    if let event = try? parser.finish(), let messages = try? messages(of: event) {
      for message in messages {
        if let answer = try take(message) { return .answered(answer) }
      }
    }
    return .ended(stream, nil)
  }

  /// As ``read(_:_:)``, for every event: kinds besides messages are given to `take` as they are.
  static func events(
    of body: HTTPStream.Body, from server: String, _ take: (ServerEvent, [JSONObject]) throws -> Void
  ) async throws {
    let stream = MCPEventStream(server: server)
    var parser = EventStreamParser(limitBytes: MCPWebClient.longestMessage)
    for try await piece in body {
      for event in try stream.events(in: piece, &parser) { try take(event, try stream.messages(of: event)) }
    }
  }

  private mutating func note(_ event: ServerEvent) {
    count += 1
    if let id = event.id {
      let isField = (1...Self.longestID).contains(id.utf8.count) && id.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
      lastID = isField ? id : nil
    }
    if let retry = event.retry { self.retry = min(max(retry, Self.shortestRetry), Self.longestRetry) }
  }

  private func events(in piece: [UInt8], _ parser: inout EventStreamParser) throws -> [ServerEvent] {
    do throws(FramingError) {
      return try parser.events(in: piece)
    } catch {
      guard error.isLimit else { throw MCPShape.failure(server, "its events have \(error)") }
      throw NodeFailure(
        .limit, "\(server) sent a message of more than \(MCPWebClient.longestMessage >> 20) MiB; it was not read on")
    }
  }

  /// None for events of other kinds, and for the empty ones that only give an id.
  private func messages(of event: ServerEvent) throws -> [JSONObject] {
    guard event.event ?? "message" == "message", let data = event.data, !data.isEmpty else { return [] }
    do {
      let value = try JSON(parsing: data)
      return (value.arrayValue ?? [value]).compactMap(\.objectValue)
    } catch {
      throw MCPShape.failure(server, "a message of its cannot be read: \(error.message)")
    }
  }
}
