import Graph

/// What is kept of a task that runs, or ran, before its super-step.
struct AheadMark: Sendable, Hashable {
  /// What stands for all that it looked at.
  var seen: String

  /// The newest checkpoint when it began.
  var head: Int

  /// The run that it began in: the number of its fence.
  var run: Int

  /// How it ended was told.
  var isTold = false
}

/// How the end of a task is kept whose super-step has not come: as a note under its key, which goes when the task is stored
/// as finished. Where that super-step never comes, nobody asks for the note.
///
/// Only what ended well is kept, and how many attempts a task made that goes on or waits for the next: to the store anything
/// else has not begun.
enum AheadNote {
  static let name = "$ahead"

  /// `nil` where `task` begins anew after a crash: it failed, or its result is too deep for a note.
  static func change(keeping task: TaskRecord, _ mark: AheadMark, of thread: ThreadID) -> StoreChange? {
    guard task.hasEndedWell || task.isUnderWay else { return nil }
    let note = StoreChange.note(
      NoteRecord(
        key: TaskKey.key(thread, task.id), name: name,
        value: [
          "seen": .string(mark.seen), "head": .int(mark.head), "run": .int(mark.run),
          "part": ThreadPart.task(task).json,
        ]))
    return (try? [note].checkLimits()) == nil ? nil : note
  }

  /// The task that `notes` keep; `nil` where none is kept.
  static func task(in notes: [NoteRecord]) -> TaskRecord? {
    guard let note = notes.last(where: { $0.name == name })?.value, let seen = note["seen"]?.stringValue,
      let head = note["head"]?.intValue, let run = note["run"]?.intValue, let part = note["part"],
      case .task(var task)? = try? ThreadPart(json: part)
    else { return nil }
    task.ahead = AheadMark(seen: seen, head: head, run: run, isTold: true)
    return task
  }
}

extension StoreChange {
  /// Of a task whose super-step has not come.
  var isAhead: Bool {
    guard case .task(let record) = self else { return false }
    return record.ahead != nil
  }

  /// The change as the store takes it; `nil` for a task that runs ahead and of which nothing is kept.
  func stored(for thread: ThreadID) -> StoreChange? {
    guard case .task(let record) = self, let mark = record.ahead else { return self }
    return AheadNote.change(keeping: record, mark, of: thread)
  }
}
