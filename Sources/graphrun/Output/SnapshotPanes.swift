import Graph
import GraphRuntime

/// A thread at one checkpoint, pane by pane: what it is, why it failed, its values, its tasks.
struct SnapshotPanes {
  private let snapshot: Snapshot
  private let style: Style

  /// The terminal's width; `nil` where lines may be as long as they are.
  private let columns: Int?

  /// Lines a value may take; `nil` where all are shown.
  private let longest: Int?

  /// What a person types to give an answer.
  private let answering: (String) -> String

  init(
    _ snapshot: Snapshot, style: Style, columns: Int?, longest: Int?, answering: @escaping (String) -> String
  ) {
    self.snapshot = snapshot
    self.style = style
    self.columns = columns
    self.longest = longest.map { max(8, $0 / 2) }
    self.answering = answering
  }

  var lines: [String] {
    var lines = heading
    // A task that failed tells its error itself.
    if let error = snapshot.header.error, isHead, !snapshot.tasks.contains(where: { $0.error == error }) {
      lines += pane("error") + told(error)
    }
    if !snapshot.values.isEmpty { lines += pane("values", changed) + shown(snapshot.values) }
    if let outputs = snapshot.outputs, !outputs.isEmpty { lines += pane("outputs") + shown(outputs) }
    if !snapshot.tasks.isEmpty { lines += pane("tasks") + told(snapshot.tasks, snapshot.subgraphs, indent: "  ") }
    return lines
  }

  private var isHead: Bool { snapshot.record.number == snapshot.header.head }

  // MARK: Heading

  private var heading: [String] {
    let record = snapshot.record
    let from = record.parent.map { " from \($0)" } ?? ""
    return [
      "\(style.bold(snapshot.header.id.rawValue)) of \(SafeText.line(snapshot.header.graphName)): \(status)",
      style.dim(
        "checkpoint \(record.number)\(from), step \(record.step), \(record.source.rawValue), \(record.created.iso8601.spokenTime)"
      ),
    ]
  }

  private var status: String {
    let word = snapshot.status.rawValue
    switch snapshot.status {
    case .done: return style.green(word)
    case .failed: return style.red(word)
    case .waiting, .stopped: return style.yellow(word)
    case .running: return style.cyan(word)
    }
  }

  private var changed: String {
    let names = snapshot.record.deltas.map(\.channel.rawValue)
    guard !names.isEmpty, snapshot.record.source != .input else { return "" }
    return "changed by this step: \(names.joined(separator: ", "))"
  }

  /// On a terminal a rule tells panes apart.
  private func pane(_ title: String, _ note: String = "") -> [String] {
    let noted = note.isEmpty ? "" : "  " + style.dim(note.cut(to: max(0, (columns ?? .max) - title.count - 2)))
    guard let columns else { return [style.bold(title) + noted] }
    let width = title.count + (note.isEmpty ? 0 : note.columns + 2)
    let rule = width + 3 < columns ? " " + style.dim(String(repeating: "─", count: columns - width - 1)) : ""
    return ["", style.bold(title) + noted + rule]
  }

  // MARK: Values

  private func shown(_ values: JSONObject) -> [String] {
    values.flatMap { key, value in
      let text = SafeText.lines(YAMLText.block(.object([key: value])))
      // A small object of one member stands on one line, in braces.
      let isFlow = text.hasPrefix("{ ")
      let name = YAMLText.scalar(key)
      let rest = isFlow ? "\(name): " + SafeText.lines(YAMLText.flow(value)) : text
      let lines = rest.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
      let cut = longest.map { lines.count > $0 ? Array(lines.prefix($0)) : lines } ?? lines
      let more = lines.count - cut.count
      var shown = cut.enumerated().flatMap { index, line in
        folded(line, indent: "  ") {
          index == 0 && line.hasPrefix(name) ? style.cyan(name) + $0.dropFirst(name.count) : $0
        }
      }
      if more > 0 { shown += folded("… \(counted(more, "line")) more: add --full", indent: "    ").map(style.dim) }
      return shown
    }
  }

  /// `line` in pieces that fit the terminal, `first` of them dressed.
  private func folded(_ line: String, indent: String, _ first: (String) -> String = { $0 }) -> [String] {
    guard let columns, line.columns + indent.count > columns, columns >= 24 else { return [indent + first(line)] }
    let hanging = String(line.prefix { $0 == " " || $0 == "-" }.map { _ in " " }) + "  "
    var pieces: [String] = []
    var rest = Substring(line)
    while !rest.isEmpty {
      let room = columns - indent.count - (pieces.isEmpty ? 0 : hanging.count)
      let piece = rest.fitting(max(8, room))
      pieces.append(indent + (pieces.isEmpty ? first(String(piece)) : hanging + piece))
      rest = rest[piece.endIndex...]
      if rest.first == " " { rest.removeFirst() }
    }
    return pieces
  }

  // MARK: Tasks

  private func told(_ tasks: [TaskRecord], _ inside: [TaskID: SubgraphView], indent: String) -> [String] {
    tasks.grouped.flatMap { group -> [String] in
      let task = group.first
      let attempts = task.attempts > 1 ? ", \(task.attempts) attempts" : ""
      let time = group.isOne && task.status.isEnd ? task.seconds.map { " in \(spoken($0))" } ?? "" : ""
      var lines = ["\(indent)\(mark(task.status)) \(group.label): \(task.status.rawValue)\(time)\(attempts)"]
      if let error = task.error { lines += told(error).map { indent + $0 } }
      lines += questions(of: task, indent: indent + "    ")
      if let subgraph = inside[task.id], !task.status.isEnd {
        lines += told(subgraph.tasks, subgraph.subgraphs, indent: indent + "  ")
      }
      return lines
    }
  }

  private func mark(_ status: TaskStatus) -> String {
    switch status {
    case .done, .cached: style.green("✓")
    case .failed: style.red("✗")
    case .waiting: style.yellow("?")
    case .skipped: style.dim("–")
    case .started: style.cyan("▸")
    case .pending: style.dim("·")
    }
  }

  private func told(_ error: TaskError) -> [String] {
    let place = error.place.map { "\($0) " } ?? ""
    let lines = SafeText.lines(error.message).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    return lines.enumerated().flatMap { index, line in
      folded(index == 0 ? "\(place)(\(error.kind.rawValue)): \(line)" : "  \(line)", indent: "  ") { style.red($0) }
    }
  }

  /// What is asked inside stands there.
  private func questions(of task: TaskRecord, indent: String) -> [String] {
    [task].openQuestions.map(\.question).filter { $0.origin == nil }.flatMap { question in
      let prompt = SafeText.lines(question.prompt).split(separator: "\n", omittingEmptySubsequences: false)
      let lines = ["asks (\(question.id)): \(prompt.first ?? "")"] + prompt.dropFirst().map { "  \($0)" }
      return lines.flatMap { folded($0, indent: indent) }
        + question.samples.map { indent + answering("\(question.id)=\(SafeText.line($0).quotedForShell)") }
    }
  }
}

extension TaskStatus {
  /// Whether nothing of the task is left to do.
  fileprivate var isEnd: Bool {
    switch self {
    case .done, .skipped, .cached: true
    case .pending, .started, .failed, .waiting: false
    }
  }
}

extension Substring {
  /// As much of it as fits into `columns`, up to a blank where there is one in its second half.
  fileprivate func fitting(_ columns: Int) -> Substring {
    var width = 0
    var end = startIndex
    while end < endIndex {
      width += String(self[end]).columns
      if width > columns { break }
      end = index(after: end)
    }
    guard end < endIndex else { return self }
    if let blank = self[..<end].lastIndex(of: " "), distance(from: startIndex, to: blank) > columns / 2 {
      return self[..<blank]
    }
    return self[..<end]
  }
}
