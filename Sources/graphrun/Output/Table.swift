/// Columns of text, as wide as what is in them.
struct Table {
  private let titles: [String]
  private let rows: [[String]]

  /// Titles of the columns that a narrow terminal goes without, the first of them first.
  private let spare: [String]

  init(_ titles: [String], _ rows: [[String]], leavingOut spare: [String] = []) {
    self.titles = titles
    self.rows = rows
    self.spare = spare
  }

  func show(_ global: GlobalOptions) {
    guard !rows.isEmpty else { return }
    let style = Terminal.style(noColor: global.noColor)
    let lines = lines(Terminal.isTerminal(1) ? Terminal.size.columns : nil)
    Sink.output.line(style.bold(lines[0]))
    for line in lines.dropFirst() { Sink.output.line(line) }
  }

  /// The titles and the rows; none wider than `limit`.
  func lines(_ limit: Int?) -> [String] {
    let widths = titles.indices.map { column in ([titles] + rows).map { $0[column].columns }.max() ?? 0 }
    var shown = Array(titles.indices)
    for title in spare where limit.map({ width(of: shown, widths) > $0 }) ?? false {
      shown.removeAll { titles[$0] == title }
    }
    return ([titles] + rows).map { cells in
      var text = shown.map { cells[$0] + String(repeating: " ", count: widths[$0] - cells[$0].columns) }
        .joined(separator: "  ")
      while text.last == " " { text.removeLast() }
      return limit.map(text.cut) ?? text
    }
  }

  private func width(of shown: [Int], _ widths: [Int]) -> Int {
    shown.reduce(2 * (shown.count - 1)) { $0 + widths[$1] }
  }
}
