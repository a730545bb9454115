import ArgumentParser
import Graph
import GraphRuntime

/// Lists the threads.
struct Threads: AsyncParsableCommand {
  static let configuration = CommandConfiguration(abstract: "List the threads, newest change first.")

  @OptionGroup(title: "Everywhere") var global: GlobalOptions

  func run() async throws {
    guard let store = try await global.openStoreIfAny() else {
      if !global.json { Sink.error.line("no threads: there is no store in \(global.folder) yet") }
      return
    }
    let headers = try await ThreadView(store).headers()
    if global.json {
      for header in headers { Sink.output.line(header.json.text) }
      return
    }
    let rows = headers.map { header in
      [
        header.id.rawValue, SafeText.line(header.graphName), header.status.rawValue, "step \(header.step)",
        header.updated.iso8601.spokenTime, header.next.spoken,
      ]
    }
    Table(["THREAD", "GRAPH", "STATUS", "STEP", "CHANGED", "NEXT"], rows).show(global)
  }
}

/// Shows a thread's checkpoints.
struct History: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show a thread's checkpoints, newest first.",
    discussion: """
        graphrun history monday --limit 10
        graphrun history monday --before 20
        graphrun history monday --all
      """)

  @Argument(help: "The thread.", completion: .thread) var thread: ThreadID
  @Option(help: ArgumentHelp("At most so many.", valueName: "n")) var limit: Int?
  @Option(help: ArgumentHelp("Only checkpoints before this one.", valueName: "n")) var before: Int?
  @Flag(help: "Those of the graphs inside its tasks too.") var all = false
  @OptionGroup(title: "Everywhere") var global: GlobalOptions

  func validate() throws {
    if let limit, limit < 0 { throw ValidationError("--limit cannot be negative") }
  }

  func run() async throws {
    let store = try await global.requireStore()
    let view = ThreadView(store)
    let lines =
      all
      ? try await view.historyWithSubgraphs(thread, before: before, limit: limit)
      : try await view.history(thread, before: before, limit: limit)
    if global.json {
      for line in lines { Sink.output.line(line.json.text) }
      return
    }
    let rows = lines.map { line in
      let record = line.entry.record
      let place = record.namespace.isEmpty ? "" : "\(record.namespace) "
      return [
        "\(place)\(record.number)", record.parent.map { "\($0)" } ?? "", "\(record.step)", record.source.rawValue,
        line.status.rawValue,
        record.created.iso8601.spokenTime, Self.ran(line.entry.ran), line.next.spoken,
      ]
    }
    Table(["N", "FROM", "STEP", "SOURCE", "STATUS", "MADE", "RAN", "NEXT"], rows).show(global)
    guard limit == nil, before == nil else { return }
    for gap in try await view.gaps(thread) { Sink.output.line(Self.told(gap)) }
  }

  private static func told(_ gap: CheckpointGap) -> String {
    let numbers = gap.numbers
    let which =
      numbers.count == 1 ? "checkpoint \(numbers.lowerBound)" : "\(numbers.lowerBound) to \(numbers.upperBound)"
    return "without \(which): \(gap.reason.told)"
  }

  private static func ran(_ tasks: [TaskRecord]) -> String {
    tasks.map { task in
      let status = task.status == .done ? "" : " (\(task.status.rawValue))"
      let attempts = task.attempts > 1 ? " ×\(task.attempts)" : ""
      return task.label + status + attempts
    }.joined(separator: ", ")
  }
}

/// Shows a state.
struct Show: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show a thread's state and tasks, now or at a checkpoint.",
    discussion: "  graphrun show monday\n  graphrun show monday@3 --json")

  @Argument(help: ArgumentHelp("The thread, and which checkpoint.", valueName: "thread[@n]"), completion: .thread)
  var thread: CheckpointReference
  @OptionGroup(title: "Everywhere") var global: GlobalOptions

  func run() async throws {
    let store = try await global.requireStore()
    let snapshot = try await ThreadView(store).snapshot(thread.thread, at: thread.number)
    if global.json { return Sink.output.line(snapshot.json.text) }
    let style = Terminal.style(noColor: global.noColor)
    let record = snapshot.record
    Sink.output.line(
      "\(style.bold(snapshot.header.id.rawValue)) of \(SafeText.line(snapshot.header.graphName)): \(snapshot.status.rawValue)"
    )
    Sink.output.line(
      style.dim(
        "checkpoint \(record.number), step \(record.step), \(record.source.rawValue), \(record.created.iso8601.spokenTime)"
      ))
    show("values", snapshot.values, style)
    if let outputs = snapshot.outputs { show("outputs", outputs, style) }
    if !snapshot.tasks.isEmpty { Sink.output.line(style.bold("tasks")) }
    show(snapshot.tasks, inside: snapshot.subgraphs, style, indent: "  ")
  }

  private func show(_ title: String, _ object: JSONObject, _ style: Style) {
    Sink.output.line(style.bold(title))
    for (key, value) in object {
      let text = SafeText.lines(value.prettyText).replacing("\n", with: "\n  ")
      Sink.output.line("  \(style.cyan(SafeText.line(key))): \(text)")
    }
  }

  private func show(_ tasks: [TaskRecord], inside: [TaskID: SubgraphView], _ style: Style, indent: String) {
    for task in tasks {
      show(task, style, indent: indent)
      guard let subgraph = inside[task.id], !task.status.isEnd else { continue }
      show(subgraph.tasks, inside: subgraph.subgraphs, style, indent: indent + "  ")
    }
  }

  private func show(_ task: TaskRecord, _ style: Style, indent: String) {
    let attempts = task.attempts > 1 ? ", \(task.attempts) attempts" : ""
    Sink.output.line("\(indent)\(task.label): \(task.status.rawValue)\(attempts)")
    if let error = task.error { Sink.output.line("\(indent)  " + style.red(error.brief)) }
    // What is asked inside stands there.
    for open in [task].openQuestions where open.question.origin == nil {
      let prompt = SafeText.lines(open.question.prompt).replacing("\n", with: "\n\(indent)    ")
      Sink.output.line("\(indent)  asks (\(open.question.id)): \(prompt)")
      for sample in open.question.samples {
        let answer = "\(open.question.id)=\(sample)"
        Sink.output.line("\(indent)  " + global.command("resume", thread.thread.rawValue, "--answer", answer))
      }
    }
  }
}

/// Shows what tasks printed.
struct Log: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show what each task printed.",
    discussion: "  graphrun log monday\n  graphrun log monday --node build")

  @Argument(help: "The thread.", completion: .thread) var thread: ThreadID
  @Option(help: ArgumentHelp("Only this node's, and what ran inside of it.", valueName: "node")) var node: NodeName?
  @Option(help: ArgumentHelp("Only this super-step's.", valueName: "n")) var step: Int?
  @OptionGroup(title: "Everywhere") var global: GlobalOptions

  func run() async throws {
    let store = try await global.requireStore()
    _ = try await ThreadView(store).header(thread)
    let records = try await store.output(of: thread).filter { record in
      let place = Namespace(record.namespace)
      let isNodes = node.map { $0 == record.node || place.nodes.contains($0) } ?? true
      return isNodes && (step == nil || record.step == step)
    }
    if global.json {
      for record in records { Sink.output.line(record.json.text) }
      return
    }
    let style = Terminal.style(noColor: global.noColor)
    var heading = ""
    var open = ""
    for record in records {
      let attempt = record.attempt > 1 ? ", attempt \(record.attempt)" : ""
      let stream = record.stream == .stdout ? "" : ", \(record.stream.rawValue)"
      let title = "\(Namespace(record.namespace).shown(record.task)) (step \(record.step)\(attempt)\(stream))"
      if title != heading {
        if !open.isEmpty { Sink.output.line("  " + SafeText.line(open)) }
        open = ""
        heading = title
        Sink.output.line(style.bold(title))
      }
      var lines = (open + record.text).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
      open = lines.popLast() ?? ""
      for line in lines { Sink.output.line("  " + SafeText.line(line.last == "\r" ? String(line.dropLast()) : line)) }
    }
    if !open.isEmpty { Sink.output.line("  " + SafeText.line(open)) }
  }
}

/// Compares two states.
struct Diff: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show how the state differs between two checkpoints.",
    discussion: "  graphrun diff monday@3 monday@5")

  @Argument(help: ArgumentHelp("The one.", valueName: "thread@a"), completion: .thread) var from: CheckpointReference
  @Argument(help: ArgumentHelp("The other.", valueName: "thread@b"), completion: .thread) var to: CheckpointReference
  @OptionGroup(title: "Everywhere") var global: GlobalOptions

  func run() async throws {
    let view = ThreadView(try await global.requireStore())
    let before = try await view.snapshot(from.thread, at: from.number)
    let after = try await view.snapshot(to.thread, at: to.number)
    let keys = before.values.keys + after.values.keys.filter { before.values[$0] == nil }
    let changed = keys.filter { before.values[$0] != after.values[$0] }
    if global.json {
      let changes = changed.map { key in
        var change: JSONObject = ["channel": .string(key)]
        change["before"] = before.values[key]
        change["after"] = after.values[key]
        return JSON.object(change)
      }
      let result: JSON = [
        "from": .string("\(before.header.id)@\(before.record.number)"),
        "to": .string("\(after.header.id)@\(after.record.number)"), "changes": .array(changes),
      ]
      return Sink.output.line(result.text)
    }
    let style = Terminal.style(noColor: global.noColor)
    if changed.isEmpty { Sink.output.line("no difference") }
    for key in changed {
      Sink.output.line(style.bold(SafeText.line(key)))
      if let value = before.values[key] { Sink.output.line(style.red("  - " + shown(value))) }
      if let value = after.values[key] { Sink.output.line(style.green("  + " + shown(value))) }
    }
  }

  private func shown(_ value: JSON) -> String { SafeText.lines(value.prettyText).replacing("\n", with: "\n    ") }
}

extension [NodeName] {
  /// The names, each once, with how often.
  var spoken: String {
    var counts: [(name: NodeName, count: Int)] = []
    for name in self {
      if let place = counts.firstIndex(where: { $0.name == name }) {
        counts[place].count += 1
      } else {
        counts.append((name, 1))
      }
    }
    return counts.map { $0.count > 1 ? "\($0.name) ×\($0.count)" : "\($0.name)" }.joined(separator: ", ")
  }
}

extension String {
  /// An RFC 3339 time to the second, for people.
  var spokenTime: String { prefix(19).replacing("T", with: " ") + "Z" }
}

/// Columns of text.
struct Table {
  var titles: [String]
  var rows: [[String]]

  init(_ titles: [String], _ rows: [[String]]) {
    self.titles = titles
    self.rows = rows
  }

  func show(_ global: GlobalOptions) {
    guard !rows.isEmpty else { return }
    let style = Terminal.style(noColor: global.noColor)
    let widths = titles.indices.map { column in ([titles] + rows).map { $0[column].columns }.max() ?? 0 }
    let limit = Terminal.isLive ? Terminal.size.columns : .max
    func line(_ cells: [String]) -> String {
      let padded = zip(cells, widths).map { cell, width in cell + String(repeating: " ", count: width - cell.columns) }
      var text = padded.joined(separator: "  ")
      while text.last == " " { text.removeLast() }
      return limit == .max ? text : text.cut(to: limit)
    }
    Sink.output.line(style.bold(line(titles)))
    for row in rows { Sink.output.line(line(row)) }
  }
}

extension TaskStatus {
  /// Whether nothing inside the task goes on.
  fileprivate var isEnd: Bool {
    switch self {
    case .done, .skipped, .cached: true
    case .pending, .started, .failed, .waiting: false
    }
  }
}
