import Foundation
import Graph

/// What reading a graph found, as `validate` tells it.
struct GraphCheck {
  let path: String
  let reading: Reading

  /// A file that cannot be read is a problem of its own.
  init(_ file: String) {
    do {
      let path = try GraphLookup.path(of: file)
      (self.path, reading) = (path, try GraphReader().read(contentsOf: path))
    } catch {
      let problem = Problem(at: SourcePosition(line: 1, column: 1), "\(error)")
      (path, reading) = (file, Reading(graph: nil, problems: [problem]))
    }
  }

  func show(_ global: GlobalOptions) {
    if global.json { return Sink.output.line(json.text) }
    if reading.graph != nil, !global.quiet { Sink.output.line("\(SafeText.line(path)): ok") }
    let style = Terminal.style(2, noColor: global.noColor)
    var lines: [Substring] = []
    var file: String?
    for problem in reading.problems where !global.quiet || problem.severity == .error {
      Sink.error.line(SafeText.line(problem.description(in: path)))
      if Terminal.isLive, file != problem.path(from: path) {
        file = problem.path(from: path)
        lines = source(problem.path(from: path))
      }
      if lines.indices.contains(problem.position.line - 1) {
        show(lines[problem.position.line - 1], column: problem.position.column, style)
      }
    }
  }

  private var json: JSON {
    let problems = reading.problems.map { $0.json(readFrom: path) }
    return ["file": .string(path), "ok": .bool(reading.graph != nil), "problems": .array(problems)]
  }

  private func source(_ path: String) -> [Substring] {
    FileManager.default.contents(atPath: path).map {
      String(decoding: $0, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
    } ?? []
  }

  private func show(_ line: Substring, column: Int, _ style: Style) {
    let before = SafeText.line(String(line.prefix(column - 1)))
    guard before.columns < Terminal.size.columns - 4 else { return }
    Sink.error.line("    " + SafeText.line(String(line)).cut(to: Terminal.size.columns - 5))
    Sink.error.line("    " + String(repeating: " ", count: before.columns) + style.red("^"))
  }
}
