import Foundation
import GraphRuntime
import Synchronization

/// The terminal view: lines that stay scroll above, what moves is drawn anew below.
///
/// Events only change what is to be drawn; a thread draws it, so neither a flood of output nor a terminal that takes its
/// time costs those who tell them more than that.
final class LivePrinter: EventPrinter {
  private let state: Mutex<State>

  /// Held while drawing, so that frames come whole and in order.
  private let screen = Mutex(())
  private let bell = DispatchSemaphore(value: 0)

  /// News are drawn at once, but not more often than eyes can follow.
  private static let gap = 0.02

  private struct State {
    var view: LiveView

    /// How wide each of the lines is that were drawn below.
    var drawn: [Int] = []
    var size = Terminal.size

    /// The drawing thread was told that there are news.
    var isAnnounced = false
  }

  init(detail: Detail, style: Style) {
    state = Mutex(State(view: LiveView(detail: detail, style: style, start: .now)))
    Thread.detachNewThread { [weak self, bell] in
      while true {
        let hasNews = bell.wait(timeout: .now() + LiveView.tick) == .success
        guard self?.draw() != nil else { return }
        if hasNews { Thread.sleep(forTimeInterval: Self.gap) }
      }
    }
  }

  func say(_ text: String) { change { $0.view.say(text, columns: $0.size.columns) } }
  func show(_ event: RunEvent) { change { $0.view.take(event.placed, $0.size, now: .now) } }
  func flush() { draw() }

  func resize() { draw() }

  private func change(_ body: (inout State) -> Void) {
    let isFirst = state.withLock { state in
      body(&state)
      defer { state.isAnnounced = true }
      return !state.isAnnounced
    }
    if isFirst { bell.signal() }
  }

  private func draw() {
    screen.withLock { _ in
      let frame = state.withLock { takeFrame(&$0) }
      if !frame.isEmpty { Sink.output.write(frame) }
    }
  }

  /// What brings the screen up to date; what stays is handed over with it.
  private func takeFrame(_ state: inout State) -> String {
    state.isAnnounced = false
    // Asked each time: a frame may come between the terminal's change and the signal that tells of it.
    state.size = Terminal.size
    let staying = state.view.takePending()
    guard !staying.isEmpty || !state.view.running.isEmpty || !state.drawn.isEmpty else { return "" }
    let live = state.view.lines(state.size, now: .now)
    var text = ""
    let rows = state.drawn.reduce(0) { $0 + max(1, ($1 + state.size.columns - 1) / max(1, state.size.columns)) }
    if rows > 0 { text += "\u{1B}[\(rows)A\r" }
    for line in staying + live.map(\.text) { text += line + "\u{1B}[K\n" }
    if rows > 0 { text += "\u{1B}[J" }
    state.drawn = live.map(\.columns)
    return text
  }
}
