import Dispatch

/// Runs expressions off the cooperative threads, as one may block for up to two seconds in the jq helper.
package enum Evaluation {
  private static let queue = DispatchQueue(label: "graphrun.expressions", attributes: .concurrent)

  package static func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
      queue.async { continuation.resume(with: Result { try body() }) }
    }
  }
}
