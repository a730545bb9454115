import Dispatch

/// Runs and reads expressions: where they need jq off the cooperative threads, as one may block for up to two seconds in its helper.
///
/// One after the other: there is one helper, and threads that wait for it would only be many.
package enum Evaluation {
  private static let queue = DispatchQueue(label: "graphrun.expressions")

  /// - Parameter isImmediate: what `body` evaluates needs no jq, and is done here and now.
  package static func run<Value: Sendable>(
    isImmediate: Bool = false, _ body: @escaping @Sendable () throws -> Value
  ) async throws -> Value {
    if isImmediate { return try body() }
    return try await withCheckedThrowingContinuation { continuation in
      queue.async { continuation.resume(with: Result { try body() }) }
    }
  }
}
