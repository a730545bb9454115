import AsyncHTTPClient
import Graph
import GraphRuntime
import NIOCore
import NIOHTTP1

/// One request whose answer is taken as it comes: first its head, then its body in pieces.
///
/// Redirects are not followed. Once the taking ends, by itself or by cancelling, the connection is free or closed.
struct HTTPStream: Sendable {
  var plan: HTTPRequestPlan
  var limits = Silence.Limits()

  struct Head: Sendable {
    var status: Int
    var headers: HTTPHeaders

    /// The content type without its parameters, lower-case.
    var type: String {
      let type = headers.first(name: "content-type")?.lowercased() ?? ""
      return String(type.prefix { $0 != ";" && $0 != " " })
    }

    var retryAfter: Duration? { headers.first(name: "retry-after").flatMap(RetryAfter.duration) }
  }

  /// - Throws: ``NodeFailure`` of kind `connection`, `timeout` or `refused`; what `take` throws; `CancellationError`.
  func open<Value: Sendable>(_ take: @escaping @Sendable (Head, Body) async throws -> Value) async throws -> Value {
    let silence = Silence(limits)
    let crossing = Crossing(to: plan.url.port)
    let value = try await withThrowingTaskGroup(of: Value?.self) { group in
      group.addTask { try await exchange(silence, crossing, take) }
      group.addTask {
        try await silence.isTooLong()
        return nil
      }
      defer { group.cancelAll() }
      do {
        return try await group.next() ?? nil
      } catch {
        guard Task.isCancelled else { throw error }
        throw crossing.mayHaveBegun ? CancellationError() : plan.cutOff
      }
    }
    if let value { return value }
    let limit = silence.limit?.readable ?? "too long"
    let mayHaveBegun = crossing.mayHaveBegun
    throw NodeFailure(
      .timeout, "\(plan.title): nothing came for \(limit)", precedesEffect: !mayHaveBegun,
      isInDoubt: mayHaveBegun && !HTTPExchange.isSafe(plan.method))
  }

  private func exchange<Value: Sendable>(
    _ silence: Silence, _ crossing: Crossing, _ take: @Sendable (Head, Body) async throws -> Value
  ) async throws -> Value {
    var request = HTTPClientRequest(url: plan.url.text)
    request.method = HTTPMethod(rawValue: plan.method)
    request.headers = plan.headers
    request.body = plan.body.map { .bytes($0) }
    let client = HTTPConnections.shared.client(plan.mayBePrivate ? .everywhere : .publicOnly)
    let response: HTTPClientResponse
    do {
      response = try await client.execute(request, deadline: .distantFuture)
    } catch {
      throw plan.failure(error, precedesRequest: !crossing.mayHaveBegun)
    }
    silence.end(isBody: false)
    let head = Head(status: Int(response.status.code), headers: response.headers)
    return try await take(head, Body(source: response.body, plan: plan, silence: silence))
  }
}

extension HTTPStream {
  /// The body's pieces, to be gone through once.
  struct Body: AsyncSequence {
    typealias Element = [UInt8]

    fileprivate let source: HTTPClientResponse.Body
    fileprivate let plan: HTTPRequestPlan
    fileprivate let silence: Silence

    struct AsyncIterator: AsyncIteratorProtocol {
      fileprivate var source: HTTPClientResponse.Body.AsyncIterator
      fileprivate let plan: HTTPRequestPlan
      fileprivate let silence: Silence

      mutating func next() async throws -> [UInt8]? {
        silence.begin()
        defer { silence.end(isBody: true) }
        do {
          let piece = try await source.next()
          // A stream that was cancelled ends like one that is complete.
          try Task.checkCancellation()
          return piece.map { Array($0.readableBytesView) }
        } catch {
          throw plan.failure(error)
        }
      }
    }

    func makeAsyncIterator() -> AsyncIterator {
      AsyncIterator(source: source.makeAsyncIterator(), plan: plan, silence: silence)
    }

    /// All of it.
    ///
    /// - Throws: ``NodeFailure`` of kind `limit` where it is longer than `limitBytes`.
    func whole(limitBytes: Int) async throws -> [UInt8] {
      var all: [UInt8] = []
      for try await piece in self {
        guard all.count + piece.count <= limitBytes else {
          throw NodeFailure(.limit, "\(plan.title): the answer is longer than \(ByteCount(limitBytes))")
        }
        all += piece
      }
      return all
    }

    /// Its beginning, of an answer that is only to be quoted.
    func beginning(limitBytes: Int = 64 << 10) async throws -> [UInt8] {
      var all: [UInt8] = []
      for try await piece in self {
        all += piece
        if all.count >= limitBytes { return Array(all.prefix(limitBytes)) }
      }
      return all
    }
  }
}

extension HTTPRequestPlan {
  /// What is asked, for messages.
  var title: String { "\(method) \(url.text)" }

  /// Ended by its caller while nothing had been sent.
  fileprivate var cutOff: NodeFailure {
    NodeFailure(.connection, "\(title): cut off while still connecting", precedesEffect: true)
  }

  /// Trouble with the connection as the node's failure.
  ///
  /// - Parameter precedesRequest: whether it is known that no byte of the request has left.
  fileprivate func failure(_ error: any Error, precedesRequest: Bool = false) -> any Error {
    if error is NodeFailure || error is CancellationError { return error }
    if Task.isCancelled { return CancellationError() }
    if let error = error as? HTTPConnections.PrivateAddress {
      let host = url.host == error.address ? url.host : "\(url.host) (\(error.address))"
      return NodeFailure(
        .refused, "\(title): \(host) is a private address; where that is meant, say private: true",
        precedesEffect: true)
    }
    var trouble = ConnectionTrouble(error)
    trouble.precedesRequest = trouble.precedesRequest || precedesRequest
    return NodeFailure(
      trouble.isTimeout ? .timeout : .connection, "\(title): \(trouble.reason)",
      precedesEffect: trouble.precedesRequest, isInDoubt: !trouble.precedesRequest && !HTTPExchange.isSafe(method))
  }
}
