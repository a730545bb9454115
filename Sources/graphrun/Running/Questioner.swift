import Dispatch
import Graph
import GraphRuntime

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

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
    let question = open.question
    Sink.output.line("")
    Sink.output.line("\(style.yellow("?")) \(style.bold(open.task))")
    for line in SafeText.lines(question.prompt).split(separator: "\n", omittingEmptySubsequences: false) {
      Sink.output.line("  \(line)")
    }
    for (index, choice) in (question.choices ?? []).enumerated() {
      Sink.output.line("  \(style.cyan("\(index + 1)")) \(SafeText.line(choice.typed))")
    }
    while true {
      Sink.output.write("  \(style.dim(hint(question)))> ")
      guard let line = await TypedLine.read(until: { stop.level > .none }) else {
        Sink.output.line("")
        return nil
      }
      switch Self.read(line, for: question) {
      case .success(let value): return value
      case .failure(let why): Sink.output.line("  \(style.red(SafeText.line(why.description)))")
      }
    }
  }

  private func hint(_ question: Question) -> String {
    if let choices = question.choices { return "1-\(choices.count) " }
    if question.isYesNo { return "yes/no " }
    return question.schema.flatMap { $0["type"]?.stringValue }.map { $0 == "string" ? "" : "\($0) " } ?? ""
  }

  /// What was typed, as the answer it means.
  static func read(_ line: String, for question: Question) -> Result<JSON, UsageError> {
    let text = line.trimmingSpace
    guard !text.isEmpty else { return .failure(UsageError("please type an answer; Ctrl-D leaves it open")) }
    if let choices = question.choices {
      if let chosen = choices.first(where: { $0.typed == text }) ?? choices.first(where: { $0 == .string(text) }) {
        return .success(chosen)
      }
      if let number = Int(text), choices.indices.contains(number - 1) { return .success(choices[number - 1]) }
    }
    if question.isYesNo {
      switch text.lowercased() {
      case "y", "yes", "true": return .success(true)
      case "n", "no", "false": return .success(false)
      default: return .failure(UsageError("please type yes or no"))
      }
    }
    do {
      let value =
        question.schema?["type"] == "string" ? JSON.string(text) : try TypedValue.read(text, for: "the answer")
      return question.objection(to: value).map { .failure(UsageError($0)) } ?? .success(value)
    } catch {
      return .failure(UsageError("\(error)"))
    }
  }
}

/// A line that a person types.
enum TypedLine {
  /// `nil` at the end of input, or once `isOver`.
  static func read(until isOver: @escaping @Sendable () -> Bool) async -> String? {
    await withCheckedContinuation { done in
      DispatchQueue.global().async { done.resume(returning: wait(isOver)) }
    }
  }

  private static func wait(_ isOver: () -> Bool) -> String? {
    var bytes: [UInt8] = []
    while !isOver() {
      var ready = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
      guard unsafe poll(&ready, 1, 100) > 0 else { continue }
      var byte: UInt8 = 0
      guard Self.readByte(&byte) else { return nil }
      if byte == UInt8(ascii: "\n") { return String(decoding: bytes, as: UTF8.self) }
      bytes.append(byte)
      guard bytes.count < 1 << 20 else { return nil }
    }
    return nil
  }

  private static func readByte(_ byte: inout UInt8) -> Bool {
    #if canImport(Darwin)
      unsafe Darwin.read(STDIN_FILENO, &byte, 1) == 1
    #elseif canImport(Glibc)
      unsafe Glibc.read(STDIN_FILENO, &byte, 1) == 1
    #else
      unsafe Musl.read(STDIN_FILENO, &byte, 1) == 1
    #endif
  }
}

extension String {
  fileprivate var trimmingSpace: String {
    var text = self[...]
    while let last = text.last, last.isWhitespace { text.removeLast() }
    while let first = text.first, first.isWhitespace { text.removeFirst() }
    return String(text)
  }
}
