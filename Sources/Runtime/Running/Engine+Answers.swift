package import Graph
import Synchronization

extension Engine {
  /// `answers` without those that were given before to questions of super-steps that have ended: the same answer once
  /// more is no change (RELIABILITY R14).
  ///
  /// - Throws: ``RunRefusal/alreadyAnswered(_:of:)`` for another answer than was given.
  func newAnswers(_ answers: [Answer], beside tasks: [TaskRecord], of thread: ThreadID) async throws -> [Answer] {
    let open = Set(tasks.flatMap(\.questions).map(\.id))
    let given = try await store.answers(to: Set(answers.compactMap(\.id)).subtracting(open), of: thread)
    return try answers.filter { answer in
      guard let id = answer.id, let earlier = given[id] else { return true }
      guard earlier == answer.value else { throw RunRefusal.alreadyAnswered(id, of: thread) }
      return false
    }
  }
}

extension Checkpointer {
  /// What was answered to those of the questions `ids` that the thread ever had.
  package func answers(to ids: Set<String>, of thread: ThreadID) async throws -> [String: JSON] {
    let ids = ids.filter(TaskKey.isQuestion)
    guard !ids.isEmpty else { return [:] }
    let answers = Mutex<[String: JSON]>([:])
    try await parts(of: thread) { part in
      guard case .task(let task) = part else { return }
      for question in task.questions where ids.contains(question.id) {
        answers.withLock { $0[question.id] = question.answer }
      }
    }
    return answers.withLock { $0 }
  }
}
