import Synchronization

/// Where many leave something for one to fetch.
final class Mailbox<Letter: Sendable>: Sendable {
  private struct State {
    var letters: [Letter] = []
    var isClosed = false
    var reader: CheckedContinuation<Void, Never>?
  }

  private let state = Mutex(State())

  func put(_ letter: Letter) { wake { $0.letters.append(letter) } }

  /// From now on nobody is to wait.
  func close() { wake { $0.isClosed = true } }

  func open() { wake { $0.isClosed = false } }

  /// What is there, in the order it came.
  func takeAll() -> [Letter] {
    state.withLock { state in
      let letters = state.letters
      state.letters = []
      return letters
    }
  }

  /// Returns once something is there or the box is closed; false where nothing is there. Only one may wait.
  func arrival() async -> Bool {
    await withCheckedContinuation { continuation in
      let isReady = state.withLock { state in
        if !state.letters.isEmpty || state.isClosed { return true }
        precondition(state.reader == nil, "one waits at a mailbox")
        state.reader = continuation
        return false
      }
      if isReady { continuation.resume() }
    }
    return state.withLock { !$0.letters.isEmpty }
  }

  private func wake(_ change: (inout State) -> Void) {
    let reader = state.withLock { state in
      change(&state)
      let reader = state.reader
      state.reader = nil
      return reader
    }
    reader?.resume()
  }
}
