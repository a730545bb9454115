import Synchronization

/// Counts who is inside, until it is shut: then nobody gets in, those inside learn of it, and one can wait until they left.
final class Door: Sendable {
  private struct State {
    var isShut = false
    var inside = 0
    var lastWaiter = 0
    var waiters: [Int: (isFor: Event, wake: AsyncStream<Never>.Continuation)] = [:]

    func has(_ event: Event) -> Bool {
      switch event {
      case .shut: isShut
      case .empty: inside == 0
      }
    }

    /// Takes out those for whom it has come.
    mutating func due() -> [AsyncStream<Never>.Continuation] {
      let due = waiters.filter { has($0.value.isFor) }
      for id in due.keys { waiters[id] = nil }
      return due.values.map(\.wake)
    }
  }

  enum Event: Sendable {
    case shut, empty
  }

  private let state = Mutex(State())

  var isShut: Bool { state.withLock { $0.isShut } }

  /// False when it is shut; else ``leave()`` has to follow.
  func enter() -> Bool {
    state.withLock { state in
      if !state.isShut { state.inside += 1 }
      return !state.isShut
    }
  }

  func leave() {
    change { $0.inside -= 1 }
  }

  func shut() {
    change { $0.isShut = true }
  }

  /// Returns when it is so, or when the task is cancelled.
  func wait(until event: Event) async {
    let (stream, wake) = AsyncStream.makeStream(of: Never.self)
    let id = state.withLock { state in
      if state.has(event) { wake.finish() }
      state.lastWaiter += 1
      state.waiters[state.lastWaiter] = (event, wake)
      return state.lastWaiter
    }
    for await _ in stream {}
    state.withLock { _ = $0.waiters.removeValue(forKey: id) }
  }

  private func change(_ change: (inout State) -> Void) {
    let due = state.withLock { state in
      change(&state)
      return state.due()
    }
    for waiter in due { waiter.finish() }
  }
}
