import Graph
import Synchronization

/// What one task prints: shown live, and kept for `log` within bounds (the beginning and the end).
final class TaskOutput: Sendable {
  static let headLimitBytes = 128 << 10
  static let tailLimitBytes = 128 << 10

  private struct State {
    var head: [OutputRecord] = []
    var headBytes = 0
    var tail: [OutputRecord] = []
    var tailBytes = 0
    var droppedBytes = 0
    var attempt = 1
    var lastPrint = ContinuousClock.now
    var expiry: String?

    /// Who waits for something to store.
    var reader: CheckedContinuation<Void, Never>?

    mutating func takeReader() -> CheckedContinuation<Void, Never>? {
      defer { reader = nil }
      return reader
    }
  }

  private let state = Mutex(State())
  private let streams: [OutputStream: SecretStream]
  private let template: OutputRecord
  private let show: @Sendable (OutputStream, String) -> Void

  init(template: OutputRecord, mask: SecretMask, show: @escaping @Sendable (OutputStream, String) -> Void) {
    self.template = template
    self.show = show
    streams =
      mask.isEmpty
      ? [:]
      : [
        .stdout: SecretStream(mask), .stderr: SecretStream(mask), .token: SecretStream(mask),
        .thinking: SecretStream(mask),
      ]
  }

  /// What the task is called.
  var label: String { template.task }

  func begin(attempt: Int) {
    state.withLock {
      $0.attempt = attempt
      $0.lastPrint = .now
      $0.expiry = nil
    }
  }

  /// Something inside the task shows that it goes on.
  func touch() { state.withLock { $0.lastPrint = .now } }

  /// Why the attempt may not go on, once its time is up.
  var expiry: String? { state.withLock(\.expiry) }

  func expire(_ why: String) { state.withLock { $0.expiry = why } }

  /// How long the task has been silent.
  var silence: Duration { state.withLock { ContinuousClock.now - $0.lastPrint } }

  func print(_ text: String, to stream: OutputStream) {
    emit(streams[stream]?.pass(text) ?? text, stream)
  }

  /// Nothing was printed since the last ``take()``.
  var isEmpty: Bool { state.withLock { $0.head.isEmpty && $0.tail.isEmpty && $0.droppedBytes == 0 } }

  /// What was kept since the last call; ends the streams.
  func take() -> [OutputRecord] {
    for (stream, held) in streams { emit(held.finish(), stream) }
    return state.withLock { state in
      var records = state.head
      if state.droppedBytes > 0 {
        var note = template
        note.attempt = state.attempt
        note.stream = .stderr
        note.text = "[… \(state.droppedBytes) bytes of output are not kept …]\n"
        records.append(note)
      }
      records += state.tail
      state.head = []
      state.tail = []
      (state.headBytes, state.tailBytes, state.droppedBytes) = (0, 0, 0)
      return records
    }
  }

  private func emit(_ text: String, _ stream: OutputStream) {
    guard !text.isEmpty else { return }
    let reader = state.withLock { state in
      state.lastPrint = .now
      var record = template
      record.attempt = state.attempt
      record.stream = stream
      record.text = text
      keep(record, &state)
      return state.head.isEmpty ? nil : state.takeReader()
    }
    reader?.resume()
    show(stream, text)
  }

  private func keep(_ record: OutputRecord, _ state: inout State) {
    let bytes = record.text.utf8.count
    if state.headBytes + bytes <= Self.headLimitBytes, state.tail.isEmpty, state.droppedBytes == 0 {
      state.headBytes += bytes
      state.head.join(record)
      return
    }
    state.tailBytes += bytes
    state.tail.join(record)
    while state.tailBytes > Self.tailLimitBytes, state.tail.count > 1 {
      let dropped = state.tail.removeFirst().text.utf8.count
      state.tailBytes -= dropped
      state.droppedBytes += dropped
    }
  }
}

extension TaskOutput {
  /// Returns once ``takeBeginning()`` gives something, or the waiting Swift task is cancelled. Only one may wait.
  func waitForBeginning() async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isReady = state.withLock { state in
          if !state.head.isEmpty || Task.isCancelled { return true }
          precondition(state.reader == nil, "one waits for a task's output")
          state.reader = continuation
          return false
        }
        if isReady { continuation.resume() }
      }
    } onCancel: {
      state.withLock { $0.takeReader() }?.resume()
    }
  }

  /// What was printed since the last call, as far as it belongs to the beginning that is kept. The bound goes on to count it.
  func takeBeginning() -> [OutputRecord] {
    state.withLock { state in
      defer { state.head = [] }
      return state.head
    }
  }
}
