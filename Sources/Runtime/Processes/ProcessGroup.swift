#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The processes that a child leads: its group.
package struct ProcessGroup: Sendable, Hashable {
  package let id: Int

  /// - Parameter id: pid of the leader, which started in a group of its own.
  package init(id: Int) {
    precondition(id > 1, "a child's process group is never ours, everybody's or init's")
    self.id = id
  }

  package func send(_ signal: Int32) {
    kill(pid_t(-id), signal)
  }

  /// Somebody in it still runs; zombies do not count.
  package var isAlive: Bool {
    guard kill(pid_t(-id), 0) == 0 else { return false }
    #if os(Linux)
      // A member that nobody reaps (no init in a container) keeps the group for ever.
      return ProcessFacts.allPIDs().contains { pid in
        guard let facts = ProcessFacts(pid: pid) else { return false }
        return facts.group == id && !facts.isZombie
      }
    #else
      return true
    #endif
  }

  /// Waits until nobody is left in it; sends KILL to who is there after `grace`.
  ///
  /// Also finishes its work when the calling task is cancelled.
  package func end(grace: Duration) async {
    var deadline = ContinuousClock.now + grace
    var isKilled = false
    while isAlive {
      if ContinuousClock.now >= deadline {
        guard !isKilled else { return }
        send(SIGKILL)
        isKilled = true
        deadline = ContinuousClock.now + .seconds(1)
      }
      await Orphans.pause(.milliseconds(10))
    }
  }
}
