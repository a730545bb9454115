public import Graph

/// Why a run, a resume or a change was not begun. Nothing was changed.
public enum RunRefusal: Error, Sendable, Hashable {
  case unknownThread(ThreadID)
  case unknownCheckpoint(ThreadID, Int, newest: Int)
  case missingCheckpoint(ThreadID, Int, CheckpointGap.Reason)
  case threadExists(ThreadID)
  case otherGraph(ThreadID, runs: String, given: String)
  case unfinished(ThreadID, ThreadStatus)
  case undeclaredInput(String, known: [ChannelName])
  case missingInputs([ChannelName])
  case badInputs(String)
  case badStart(TaskError)
  case unknownNode(NodeName, known: [NodeName])
  case changedGraph([String])
  case noQuestion(ThreadID)
  case unknownQuestion(String, open: [OpenQuestion])
  case answerNeedsID([OpenQuestion])
  case answerDoesNotFit(OpenQuestion, why: String)
  case alreadyAnswered(String, of: ThreadID)
  case answeredTwice(String)
  case secretUnset([String])
  case secretTooShort(String)
}

extension RunRefusal: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unknownThread(let thread):
      "no thread is named \"\(thread)\"; graphrun threads lists them"
    case .unknownCheckpoint(let thread, let number, let newest):
      "thread \(thread) has no checkpoint \(number); it has \(newest == 1 ? "only 1" : "1 to \(newest)") (graphrun history \(thread))"
    case .missingCheckpoint(let thread, let number, let reason):
      "thread \(thread) no longer has checkpoint \(number): \(reason.told) (graphrun history \(thread))"
    case .threadExists(let thread):
      "thread \"\(thread)\" exists already; give another name with --thread, or remove it: graphrun delete \(thread)"
    case .otherGraph(let thread, let runs, let given):
      """
      thread \(thread) runs graph \(runs), not \(given); give another name with --thread
      or go on with it: graphrun resume \(thread)
      """
    case .unfinished(let thread, let status):
      """
      thread \(thread) is not finished (\(status.rawValue)); go on with: graphrun resume \(thread)
      or give the unfinished work up: add --abandon
      """
    case .undeclaredInput(let name, let known):
      "the graph has no input \"\(name)\""
        + (known.isEmpty
          ? " and takes none; leave it out" : "; it has \(known.map { "--input \($0)=…" }.joined(separator: " "))")
    case .missingInputs(let names):
      "the graph needs \(names.count == 1 ? "an input" : "inputs"): "
        + names.map { "--input \($0)=…" }.joined(separator: " ")
    case .badInputs(let why): why
    case .badStart(let error): "start: \(error.message)"
    case .unknownNode(let name, let known):
      "the graph has no node \"\(name)\"; name one of \(known.map(\.rawValue).joined(separator: ", "))"
    case .changedGraph(let why):
      """
      the graph file changed in a way this thread cannot go on with:
      \(why.map { "  - \($0)" }.joined(separator: "\n"))
      Go on with the graph as it was: add --original. Or start a new thread.
      """
    case .noQuestion(let thread): "thread \(thread) asks nothing, so there is nothing to answer; leave out --answer"
    case .unknownQuestion(let id, let open):
      "no open question has the id \"\(id)\""
        + (open.isEmpty
          ? "; leave out --answer"
          : "; open: \(open.map { "\($0.question.id) (\($0.node))" }.joined(separator: ", ")); --answer ID=VALUE answers one")
    case .answerNeedsID(let open):
      """
      several questions are open; say which one: --answer ID=VALUE
      \(open.map { "  \($0.question.id)  \($0.node): \($0.question.prompt.firstLine)" }.joined(separator: "\n"))
      """
    case .answerDoesNotFit(let question, let why):
      "the answer to \(question.question.id) (\(question.node)) does not fit: \(why); give another: \(question.question.samples.map { "--answer \(question.question.id)=\($0.quotedForShell)" }.joined(separator: " or "))"
    case .answeredTwice(let id): "--answer \(id) is given twice, with different values; give one"
    case .alreadyAnswered(let id, let thread):
      "question \(id) is answered already, differently; the first answer counts; for another go back before it: graphrun resume \(thread) --from N"
    case .secretUnset(let names):
      "\(names.count == 1 ? "secret" : "secrets") \(names.joined(separator: ", ")): not set in the environment; set "
        + (names.count == 1 ? "it" : "them") + " and run again"
    case .secretTooShort(let name):
      "secret \(name) is shorter than \(SecretMask.shortest) bytes, too short to be masked safely; set a longer one"
    }
  }
}

extension Question {
  /// Whether yes and no are the answers.
  package var isYesNo: Bool { choices == nil && (kind == .approve || schema?["type"] == "boolean") }

  /// Answers of the kind that fits, as they would be typed behind `ID=`, but for what a shell wants quoted.
  package var samples: [String] {
    if let choices { return choices.prefix(4).map(\.typed) }
    if isYesNo { return ["true", "false"] }
    return [schema?["type"] == "string" ? #""TEXT""# : "VALUE"]
  }
}

extension CheckpointGap.Reason {
  /// Why the number is no checkpoint's.
  public var told: String {
    switch self {
    case .pruned: "pruned"
    case .elsewhere: "on another branch of the thread this one was forked from"
    case .lost: "could not be read when the store was salvaged"
    }
  }
}

extension String {
  var firstLine: String { String(prefix { !$0.isNewline }) }
}
