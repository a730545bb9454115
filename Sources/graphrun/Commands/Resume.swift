import ArgumentParser
import Foundation
import Graph
import GraphRuntime

/// Goes on with a thread.
struct Resume: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resume",
    abstract: "Go on with a thread where it stopped, failed or waits.",
    discussion: """
      Without THREAD it is the unfinished one that changed last. What has finished does not run again.

        graphrun resume
        graphrun resume monday --answer true
        graphrun resume monday --answer q7kd2m4xa=rerun --answer qz5t2w3bc='"42"'
        graphrun resume monday --from 4 --set draft=better
      """)

  @Argument(help: "The thread.", completion: .thread)
  var thread: ThreadID?

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "An answer to the open question, or to the one with this id; may be repeated.", valueName: "[id=]value"))
  var answer: [String] = []

  @Option(help: ArgumentHelp("Fork at this checkpoint and go on from there.", valueName: "n"))
  var from: Int?

  @Option(help: ArgumentHelp("Change a channel first; may be repeated.", valueName: "key=value"))
  var set: [Assignment] = []

  @Flag(help: "Run the graph as the thread has it, not the edited file.")
  var original = false

  @OptionGroup(title: "Running") var running: RunningOptions
  @OptionGroup(title: "Everywhere") var global: GlobalOptions

  func run() async throws {
    let values = try Assignment.object(set)
    let store = try await global.requireStore(.readWrite)
    try await closing(store) {
      let view = ThreadView(store)
      let header = try await chosen(view)
      let graph = try await StoredGraph(global: global, store: store).graph(
        of: header, original: original, isBranching: from != nil)
      let runner = Engine(store: store, kinds: .builtIn)
      let answers = try await AnswerArguments(texts: answer).answers(for: header, in: store)
      let session = RunSession(global, runner: runner, graph: graph, thread: header.id, options: running.runOptions)
      try await session.run { options, stop, observe in
        try await runner.resume(
          header.id, graph: graph, from: from, update: StateUpdate(values: values), answers: answers, options: options,
          stop: stop, observe: observe)
      }
    }
  }

  private func chosen(_ view: ThreadView) async throws -> ThreadRecord {
    if let thread { return try await view.header(thread) }
    guard let newest = try await view.newestUnfinished() else {
      throw UsageError("no thread is unfinished; graphrun threads lists them all")
    }
    return newest
  }
}

/// Answers as typed: `VALUE` or `ID=VALUE`.
struct AnswerArguments {
  var texts: [String]

  func answers(for header: ThreadRecord, in store: SQLiteStore) async throws -> [Answer] {
    guard !texts.isEmpty else { return [] }
    var tasks: [TaskRecord] = []
    let newest = try await store.thread(header.id)?.head ?? header.head
    for checkpoint in [newest, newest + 1] {
      tasks += try await store.tasks(of: header.id, namespace: "", checkpoint: checkpoint)
    }
    let named = Set(texts.compactMap { text in text.firstIndex(of: "=").map { String(text[..<$0]) } })
    let known = try await Set(tasks.flatMap(\.questions).map(\.id)).union(
      store.answers(to: named, of: header.id).keys)
    return try texts.map { try answer($0, known: known, isOnly: tasks.openQuestions.count <= 1) }
  }

  /// `a=b` is the answer `b` to question `a`, unless no question is called so and only one is open.
  private func answer(_ text: String, known: Set<String>, isOnly: Bool) throws -> Answer {
    if let split = text.firstIndex(of: "="), known.contains(String(text[..<split])) || !isOnly {
      let id = String(text[..<split])
      return Answer(id: id, value: try TypedValue.read(String(text[text.index(after: split)...]), for: id))
    }
    return Answer(value: try TypedValue.read(text, for: "--answer"))
  }
}
