import Graph
import GraphRuntime

/// Asks a run's questions on the terminal.
struct Questioner {
  var style: Style
  var stop: StopControl

  /// The answers given; fewer than asked when the person left (Ctrl-D, Ctrl-C).
  func ask(_ questions: [OpenQuestion]) async -> [Answer] {
    var answers: [Answer] = []
    for question in questions {
      guard let value = await ask(question) else { break }
      answers.append(Answer(id: question.question.id, value: value))
    }
    return answers
  }

  private func ask(_ open: OpenQuestion) async -> JSON? {
    let answer = TypedAnswer(open.question)
    Keyboard.forget()
    show(open, answer)
    while true {
      Sink.output.write("  \(style.dim(answer.hint))> ")
      guard let typed = await typed(for: answer) else {
        Sink.output.line("")
        return nil
      }
      switch typed {
      case .success(let value): return value
      case .failure(let why): Sink.output.line("  \(style.red(SafeText.line(why.description)))")
      }
    }
  }

  private func show(_ open: OpenQuestion, _ answer: TypedAnswer) {
    Sink.output.line("")
    Sink.output.line("\(style.yellow("?")) \(style.bold(open.task))")
    let room = Terminal.size.columns - 3
    for line in SafeText.lines(open.question.prompt).split(separator: "\n", omittingEmptySubsequences: false) {
      for part in String(line).foldedProse(room) { Sink.output.line("  \(part)") }
    }
    for (index, choice) in (answer.choices ?? []).enumerated() {
      Sink.output.line("  \(style.cyan("\(index + 1)")) \(SafeText.line(choice.typed))")
    }
  }

  /// `nil` when the person left.
  private func typed(for answer: TypedAnswer) async -> Result<JSON, UsageError>? {
    let keys = answer.keys
    guard !keys.isEmpty else { return await lines().map(answer.read) }
    switch await Keyboard.keyOrLine(Set(keys.keys), until: { stop.level > .none }) {
    case nil: return nil
    case .line(let line): return answer.read(line)
    case .key(let key):
      guard let value = keys[key] else { return answer.read("\(key)") }
      Sink.output.line(SafeText.line(answer.question.isYesNo ? (value == true ? "yes" : "no") : value.typed))
      return .success(value)
    }
  }

  /// A line, and those after it as long as a list or an object is open in them.
  private func lines() async -> String? {
    guard var text = await Keyboard.line(until: { stop.level > .none }) else { return nil }
    while TypedAnswer.isOpen(text) {
      Sink.output.write("  \(style.dim("…"))> ")
      guard let more = await Keyboard.line(until: { stop.level > .none }) else { return nil }
      if more.allSatisfy(\.isWhitespace) { break }
      text += "\n" + more
    }
    return text
  }
}
