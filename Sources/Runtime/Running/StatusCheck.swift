import Graph

extension Checkpointer {
  /// Threads whose status is not what their newest checkpoint says: `done` with work left, unfinished with nothing due.
  package func statusProblems() async throws -> [String] {
    var problems: [String] = []
    for header in try await threads() {
      for problem in try await statusProblems(of: header) { problems.append("thread \(header.id): \(problem)") }
    }
    return problems
  }

  private func statusProblems(of header: ThreadRecord) async throws -> [String] {
    guard let head = try await history(of: header.id, namespace: "", before: nil, limit: 1).first?.record else {
      return ["it has no checkpoint"]
    }
    let due = head.agenda.nodes
    var problems: [String] = []
    if header.step != head.step { problems.append("it says step \(header.step), its newest checkpoint \(head.step)") }
    if header.status == .done {
      if !due.isEmpty { problems.append("it is done, and \(due.count) tasks are due") }
      return problems
    }
    if due.isEmpty || header.next.isEmpty { problems.append("it is \(header.status.rawValue), and nothing is due") }
    for name in Set(header.next).subtracting(due).sorted() {
      problems.append("it says that \(name) is due, which is not")
    }
    if header.status == .waiting {
      let tasks = try await tasks(of: header.id, namespace: "", checkpoint: header.head)
      if tasks.openQuestions.isEmpty { problems.append("it is waiting, and no question is open") }
    }
    return problems
  }
}
