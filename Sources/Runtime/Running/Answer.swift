public import Graph

/// An answer as a person gave it.
public struct Answer: Sendable, Hashable {
  /// Which question; `nil` means the only open one.
  public var id: String?
  public var value: JSON

  public init(id: String? = nil, value: JSON) {
    self.id = id
    self.value = value
  }
}

extension Question {
  /// Why `answer` does not fit; `nil` when it does.
  public func objection(to answer: JSON) -> String? {
    if kind == .doubt, answer["skip"] != nil, answer.objectValue?.count == 1 { return nil }
    if let choices, !choices.contains(answer) {
      return "\(answer.typed) is not one of \(choices.map(\.typed).joined(separator: ", "))"
    }
    guard let schema else { return nil }
    do {
      return try JSONSchema(schema).violations(of: answer).first?.description
    } catch {
      return "the question's schema is broken: \(error)"
    }
  }
}

extension [Answer] {
  func masked(by mask: SecretMask) -> [Answer] {
    mask.isEmpty ? self : map { Answer(id: $0.id, value: mask.mask($0.value)) }
  }
}

extension Answer {
  /// The question of `tasks` each answer is for, checked; an answer given before, once more, is no change.
  ///
  /// - Throws: ``RunRefusal`` when one is unknown, ambiguous or does not fit.
  static func place(_ answers: [Answer], in tasks: [TaskRecord], of thread: ThreadID) throws(RunRefusal) -> [TaskRecord]
  {
    var tasks = tasks
    let asked = tasks.openQuestions
    var given: Set<String> = []
    for answer in answers {
      let open = tasks.openQuestions
      let id: String
      if let given = answer.id {
        id = given
      } else {
        // The only question may have its answer from this very command: two that differ are refused below.
        guard let only = open.first ?? asked.first else { throw .noQuestion(thread) }
        guard open.count == 1 || asked.count == 1 else { throw .answerNeedsID(open.isEmpty ? asked : open) }
        id = only.question.id
      }
      do throws(RunRefusal) {
        try settle(id, answer.value, &tasks, open, of: thread)
      } catch {
        throw given.contains(id) && error == .alreadyAnswered(id, of: thread) ? .answeredTwice(id) : error
      }
      given.insert(id)
    }
    return tasks
  }

  private static func settle(
    _ id: String, _ value: JSON, _ tasks: inout [TaskRecord], _ open: [OpenQuestion], of thread: ThreadID
  ) throws(RunRefusal) {
    for (task, record) in tasks.enumerated() {
      guard let place = record.questions.firstIndex(where: { $0.id == id }) else { continue }
      let question = record.questions[place]
      if let given = question.answer {
        guard given == value else {
          throw question.isSpent ? .unknownQuestion(id, open: open) : .alreadyAnswered(id, of: thread)
        }
        return
      }
      if let why = question.objection(to: value) {
        throw .answerDoesNotFit(OpenQuestion(question, of: record), why: why)
      }
      tasks[task].questions[place].answer = value
      return
    }
    throw .unknownQuestion(id, open: open)
  }
}

extension [TaskRecord] {
  /// The questions that wait for an answer, in task order.
  public var openQuestions: [OpenQuestion] {
    flatMap { record in
      record.questions.filter { $0.answer == nil && record.awaits($0) }.map { OpenQuestion($0, of: record) }
    }
  }
}

extension TaskRecord {
  /// A task that failed still waits for what others asked inside of it.
  fileprivate func awaits(_ question: Question) -> Bool {
    status == .waiting || (status == .failed && handler == nil && question.origin != nil)
  }

  /// Takes over the questions that are open inside. What was answered before has been given on.
  mutating func surface(_ open: [Question]) {
    questions.removeAll { known in
      // One that was answered and is open is asked again.
      known.origin != nil && (known.answer == nil) != open.contains { $0.id == known.id }
    }
    for index in questions.indices where questions[index].origin != nil && questions[index].answer != nil {
      questions[index].isDelivered = true
    }
    questions += open.filter { new in !questions.contains { $0.id == new.id } }
  }

  /// The task failed for what it made of the answers to its own questions: going on with them, it would fail for ever. It
  /// asks again, unless more than a question is behind it, or an `on-error` takes care of it.
  mutating func forgetAnswers(after failure: ErrorKind, of kind: (any NodeKind)?, _ node: Node) {
    guard handler == nil, [.type, .expression, .route].contains(failure), kind?.effectClass(of: node) == .pure else {
      return
    }
    // They stay, so that what is asked anew has an id of its own: an answer to the old one is none to that.
    for index in questions.indices {
      let question = questions[index]
      guard question.kind == .ask, question.key != nil, question.origin == nil, question.answer != nil else { continue }
      questions[index].isDelivered = true
    }
  }

  /// Answers to questions from inside that were not given on yet.
  var answersForInside: [Answer] {
    questions.compactMap { question in
      guard question.origin != nil, !question.isDelivered, let value = question.answer else { return nil }
      return Answer(id: question.id, value: value)
    }
  }
}

extension Question {
  /// The task itself asked it, and failed for its answer.
  package var isSpent: Bool { origin == nil && isDelivered }
}

extension [TaskRecord] {
  /// Answers what asks for approval with yes, but for what `answers` name themselves.
  mutating func approve(except answers: [Answer]) {
    let named = Set(answers.compactMap(\.id))
    for task in indices where self[task].status == .waiting {
      for place in self[task].questions.indices {
        let question = self[task].questions[place]
        guard question.kind == .approve, question.key == nil || question.origin != nil, question.answer == nil,
          !named.contains(question.id)
        else {
          continue
        }
        self[task].questions[place].answer = true
      }
    }
  }
}
