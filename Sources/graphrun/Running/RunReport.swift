import Foundation
import Graph
import GraphRuntime

/// What a person is told when a run has ended: what came of it, and what to type next.
struct RunReport {
  var global: GlobalOptions
  var graph: StateGraph
  var thread: ThreadID
  var end: RunEnd
  var seconds: Double
  var tasks: Int

  private var style: Style { Terminal.style(noColor: global.noColor) }
  private var errorStyle: Style { Terminal.style(2, noColor: global.noColor) }
  private var name: String { thread.rawValue }

  func show() {
    switch end.status {
    case .done: done()
    case .failed: failed()
    case .waiting: waiting()
    case .stopped, .running: stopped()
    }
  }

  private func say(_ text: String) { Sink.output.line(text) }
  private func complain(_ text: String) { Sink.error.line(text) }

  /// `text` folded where `stream` is a terminal that is narrower.
  private func lines(_ text: some StringProtocol, indent: Int, on stream: Int32) -> [String] {
    Terminal.isTerminal(stream) ? String(text).foldedProse(Terminal.size.columns - indent) : [String(text)]
  }

  private func done() {
    let what = tasks == 0 ? "nothing was left to do" : "\(counted(tasks, "task")), \(spoken(seconds))"
    say("\(style.green("done")): thread \(style.bold(name)), \(what)")
    if let outputs = end.outputs {
      for (name, value) in outputs { say(indented(name, value)) }
    }
    if !global.quiet { say(style.dim("kept in \(global.folder): ") + global.command("show", name)) }
  }

  private func failed() {
    for error in end.errors {
      let lines = SafeText.lines(error.message).split(separator: "\n", omittingEmptySubsequences: false)
      let place = error.place.map { "\($0) (\(error.kind.rawValue)): " } ?? ""
      let first = self.lines(place + (lines.first ?? ""), indent: "failed: ".count, on: STDERR_FILENO)
      complain("\(errorStyle.red("failed")): \(first[0])")
      for line in first.dropFirst() + lines.dropFirst().flatMap({ self.lines($0, indent: 2, on: STDERR_FILENO) }) {
        complain("  \(line)")
      }
    }
    questions(on: STDERR_FILENO)
    if !end.interrupts.isEmpty { complain("") }
    if end.errors.contains(where: { [.spawn, .connection].contains($0.kind) }), let path = graph.source?.path {
      complain("check: \(global.command("doctor", path.fromHere.quotedForShell))")
    }
    complain("look:  \(global.command(hasPrinted ? "log" : "show", name))")
    complain("then:  \(errorStyle.bold(global.command("resume", name)))")
  }

  /// Whether more may stand in what the failed printed than in their errors.
  private var hasPrinted: Bool {
    end.errors.contains { error in
      switch error.kind {
      case .expect, .expression, .type, .conflict, .undeclared, .route, .limit, .refused, .store: false
      case .exit, .signal, .timeout, .spawn, .connection, .http, .model, .tool, .swift, .parse, .protocol: true
      }
    }
  }

  private func waiting() {
    say("\(style.yellow("waiting")): thread \(style.bold(name)) needs \(counted(end.interrupts.count, "answer"))")
    questions(on: STDOUT_FILENO)
  }

  private func questions(on stream: Int32) {
    let print = stream == STDERR_FILENO ? complain : say
    for open in end.interrupts {
      print("")
      print("\(open.task) asks (\(open.question.id)):")
      for line in SafeText.lines(open.question.prompt).split(separator: "\n", omittingEmptySubsequences: false) {
        for piece in lines(line, indent: 2, on: stream) { print("  \(piece)") }
      }
      if let choices = open.question.choices {
        print(
          "  one of: \(choices.map { $0.typed.isEmpty ? "\"\"" : SafeText.line($0.typed) }.joined(separator: ", "))")
      }
      for sample in open.question.samples {
        print(
          "  "
            + style.bold(
              global.command("resume", name, "--answer", "\(open.question.id)=\(SafeText.line(sample).quotedForShell)"))
        )
      }
    }
  }

  private func stopped() {
    let next = end.next.isEmpty ? "" : ", next: \(Set(end.next).map(\.rawValue).sorted().joined(separator: ", "))"
    say("\(style.yellow("stopped")): thread \(style.bold(name)) at checkpoint \(end.checkpoint)\(next)")
    questions(on: STDOUT_FILENO)
    say("then:  \(style.bold(global.command("resume", name)))")
  }

  private func indented(_ name: String, _ value: JSON) -> String {
    let text = SafeText.lines(value.stringValue ?? value.prettyText)
    guard text.contains("\n") else { return "  \(name): \(text)" }
    return "  \(name):\n"
      + text.split(separator: "\n", omittingEmptySubsequences: false).map { "    \($0)" }.joined(separator: "\n")
  }
}

extension String {
  /// This path as it is typed here, where it lies in or below this folder.
  fileprivate var fromHere: String {
    let here = FileManager.default.currentDirectoryPath + "/"
    return hasPrefix(here) ? String(dropFirst(here.count)) : self
  }
}

func counted(_ count: Int, _ what: String) -> String { "\(count) \(what)\(count == 1 ? "" : "s")" }
