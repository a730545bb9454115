import Synchronization

/// Lets one task through at a time; the others wait in line, and a cancelled one leaves it.
final class Gate: Sendable {
  private struct State {
    var isTaken = false
    var lastTicket = 0
    var line: [(ticket: Int, continuation: CheckedContinuation<Void, any Error>)] = []
    var cancelled: Set<Int> = []
  }

  private let state = Mutex(State())

  func pass<Value: Sendable>(_ body: @Sendable () async throws -> Value) async throws -> Value {
    try await enter()
    defer { leave() }
    return try await body()
  }

  private func enter() async throws {
    let ticket = state.withLock { state in
      state.lastTicket += 1
      return state.lastTicket
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let isNow: Bool? = state.withLock { state in
          if state.cancelled.remove(ticket) != nil { return nil }
          guard state.isTaken else {
            state.isTaken = true
            return true
          }
          state.line.append((ticket, continuation))
          return false
        }
        switch isNow {
        case nil: continuation.resume(throwing: CancellationError())
        case true?: continuation.resume()
        case false?: break
        }
      }
    } onCancel: {
      cancel(ticket)
    }
    state.withLock { _ = $0.cancelled.remove(ticket) }
  }

  /// Takes `ticket` out of the line; where it is not in it yet, it will not enter.
  private func cancel(_ ticket: Int) {
    let waiting = state.withLock { state in
      guard let index = state.line.firstIndex(where: { $0.ticket == ticket }) else {
        state.cancelled.insert(ticket)
        return CheckedContinuation<Void, any Error>?.none
      }
      return state.line.remove(at: index).continuation
    }
    waiting?.resume(throwing: CancellationError())
  }

  private func leave() {
    let next = state.withLock { state in
      guard !state.line.isEmpty else {
        state.isTaken = false
        return CheckedContinuation<Void, any Error>?.none
      }
      return state.line.removeFirst().continuation
    }
    next?.resume()
  }
}
