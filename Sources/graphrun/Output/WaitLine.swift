/// One line on a terminal that says what is waited for; nothing anywhere else.
struct WaitLine: Sendable {
  private let isShown: Bool
  private let style: Style

  init(_ global: GlobalOptions) {
    isShown = Terminal.isTerminal(2) && !global.quiet && !global.json
    style = Terminal.style(2, noColor: global.noColor)
  }

  func show(_ text: String) {
    guard isShown else { return }
    Sink.error.write("\r\u{1B}[K" + style.dim(SafeText.line(text).cut(to: Terminal.size.columns - 1)))
  }

  func clear() {
    if isShown { Sink.error.write("\r\u{1B}[K") }
  }
}
