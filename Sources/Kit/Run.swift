import Graph
public import GraphRuntime

/// A stretch of a thread that is under way.
///
/// It goes on whether or not its events are read. It stops, resumable, when it is told to, when the Swift task that reads
/// its events or waits for its end is cancelled, or when nothing holds it any more.
public final class Run: Sendable {
  public let thread: ThreadID

  private let buffer: EventBuffer
  private let stopControl: StopControl
  private let clock: RunClock

  init(thread: ThreadID, buffer: EventBuffer, stop: StopControl, clock: RunClock) {
    self.thread = thread
    self.buffer = buffer
    self.clock = clock
    stopControl = stop
  }

  deinit { stopControl.request() }

  /// What happens, each told once it is stored; for one reader.
  public var events: Events { Events(run: self) }

  /// How it ended.
  ///
  /// - Throws: ``StoreError`` when the store could not go on; ``GraphRuntime/RunRefusal`` when nothing was begun.
  public var end: RunEnd {
    get async throws {
      try await withTaskCancellationHandler {
        try await buffer.end()
      } onCancel: {
        stopControl.request()
      }
    }
  }

  /// Asks it to stop as a signal would: running tasks may end within the grace; asked again, they are ended now.
  public func stop() { stopControl.request() }

  fileprivate func next() async throws -> RunEvent? {
    try await withTaskCancellationHandler {
      try await buffer.next(in: thread, now: clock.now)
    } onCancel: {
      stopControl.request()
    }
  }

  /// The events of a run.
  public struct Events: AsyncSequence, Sendable {
    fileprivate let run: Run

    public struct AsyncIterator: AsyncIteratorProtocol {
      fileprivate let run: Run

      /// - Throws: what ``Run/end`` throws, after the last event.
      public mutating func next() async throws -> RunEvent? { try await run.next() }
    }

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(run: run) }
  }
}
