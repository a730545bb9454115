public import Graph

/// Where threads keep their checkpoints.
///
/// Every conformance passes `CheckpointerConformance`. A method returns only once its effect is as durable as the store
/// is. Reads see every commit that returned before them.
public protocol Checkpointer: Sendable {
  /// Tells this store's threads from another's of the same name on this machine; the same for everyone who opens it.
  var identity: String { get }

  /// Takes the thread over: the fence grows by one and older fences can no longer commit. Makes nothing but the
  /// ownership row of a thread that does not exist yet.
  ///
  /// - Throws: ``StoreError/busy(_:)`` when a live process has it.
  func acquire(_ thread: ThreadID, owner: OwnerRecord) async throws -> Fence

  /// Gives the thread back. Later commits with `fence` fail.
  func release(_ fence: Fence) async throws

  /// Makes all changes, or none, if `fence` is still the newest.
  ///
  /// What a commit must keep to, or it throws ``StoreError/refused(_:)``: headers and services are the fence's
  /// thread's; a checkpoint's number is above all others of its namespace and its parent exists; a task no longer
  /// changes once its checkpoint has a child of source `step`; every row's thread has a header when the commit ends;
  /// values keep to ``JSONLimits``. The order of `changes` counts only among those of one kind.
  ///
  /// A commit is not cancelled with its task.
  ///
  /// - Throws: ``StoreError/fenced`` when another runner took the thread over.
  func commit(_ changes: [StoreChange], fence: Fence) async throws

  /// Makes the room on the disk that was kept back for this: to be called once after a commit failed, before the one
  /// that stores how the run ended.
  func releaseReserve() async

  /// The process that has `thread`; `nil` when none is alive.
  func owner(of thread: ThreadID) async throws -> OwnerRecord?

  func thread(_ id: ThreadID) async throws -> ThreadRecord?

  /// Newest first by creation.
  func threads() async throws -> [ThreadRecord]

  func graph(_ hash: String) async throws -> GraphRecord?

  /// The checkpoint `number` (`nil`: the newest) with the values it ended with.
  func checkpoint(_ number: Int?, of thread: ThreadID, namespace: String) async throws -> StoredCheckpoint?

  /// Checkpoints below `before`, newest first, without values, each with the tasks that led to it.
  func history(of thread: ThreadID, namespace: String, before: Int?, limit: Int?) async throws -> [HistoryEntry]

  /// The namespaces that have checkpoints, in the order they got their first.
  func namespaces(of thread: ThreadID) async throws -> [String]

  /// Tasks that see the state of `checkpoint`, by ordinal.
  func tasks(of thread: ThreadID, namespace: String, checkpoint: Int) async throws -> [TaskRecord]

  /// What tasks printed, in order, without the first `count` records.
  func output(of thread: ThreadID, after count: Int) async throws -> [OutputRecord]

  func services(of thread: ThreadID) async throws -> [ServiceRecord]

  /// The notes under `key`, in the order they were first made.
  func notes(of thread: ThreadID, key: String) async throws -> [NoteRecord]

  /// Numbers below the newest that no checkpoint of the namespace has, ascending.
  func gaps(of thread: ThreadID, namespace: String) async throws -> [CheckpointGap]

  /// Everything stored of `thread` but its services, in one consistent look; nothing where there is no such thread.
  /// `take` must not wait for the store.
  ///
  /// - Throws: what `take` throws, and ``StoreError/damaged(_:)`` where a part is not what was stored.
  func parts(of thread: ThreadID, _ take: @escaping @Sendable (ThreadPart) throws -> Void) async throws

  /// Makes the fence's thread, which must not exist, of the parts that `give` hands over; all of it or nothing.
  /// The header must be the thread's and its head the newest checkpoint. `give` must not wait for the store.
  ///
  /// - Throws: what `give` throws.
  func assemble(_ fence: Fence, _ give: @escaping @Sendable (PartTaker) throws -> Void) async throws

  /// Removes checkpoints with their tasks and output, a bounded piece at a time. After each piece the thread is whole:
  /// what stays is read, and grown from, as before. The tasks that led to a checkpoint stay as long as that.
  func prune(_ pruning: Pruning, fence: Fence) async throws

  /// Removes the thread, what it cached, and graphs that no thread runs any more; the fence is given back.
  func delete(_ fence: Fence) async throws

  /// Gives the room of what was removed back, and leaves no bytes of it behind.
  ///
  /// - Returns: by how many bytes the store shrank.
  func compact() async throws -> Int

  /// The cached result, unless it expires at `now` or did before.
  func cached(_ key: String, now: Timestamp) async throws -> JSON?

  /// Forgets the cached results of nodes called `node`, or of all; how many there were.
  func clearCache(of node: NodeName?) async throws -> Int

  /// The items of the memory that threads share which `query` finds at `now`, by namespace and key in bytes.
  func items(_ query: MemoryQuery, now: Timestamp) async throws -> [MemoryItem]

  /// Checks that what is stored is whole: the problems found.
  func verify() async throws -> [String]

  /// What its owner should see to, though nothing is stopped by it; `nil` when all is well.
  var complaint: String? { get }

  /// Gives all threads back and ends the store's use: later calls throw ``StoreError/unusable(_:)``.
  func close() async throws
}

extension Checkpointer {
  public func releaseReserve() async {}
  public var complaint: String? { nil }

  /// What tasks printed, in order.
  public func output(of thread: ThreadID) async throws -> [OutputRecord] { try await output(of: thread, after: 0) }
}

/// One change of a commit.
public enum StoreChange: Sendable {
  /// Inserts or replaces the header.
  case thread(ThreadRecord)

  /// Kept once per hash.
  case graph(GraphRecord)

  /// Appends a checkpoint. `values` is the state it ended with (without untracked channels), from which the store may
  /// keep a snapshot.
  case checkpoint(CheckpointRecord, values: JSONObject)

  /// Inserts or replaces a task by `checkpoint` and `id`.
  case task(TaskRecord)
  case output([OutputRecord])

  /// Inserts or replaces a service by `key`.
  case service(ServiceRecord)
  case serviceEnded(key: String)
  case cache(CacheRecord)

  /// Inserts or replaces a note by `key` and `name`. A task's notes go when it is stored as finished.
  case note(NoteRecord)

  /// Inserts, replaces or deletes an item of the memory that threads share.
  case memory(MemoryChange)
}

/// A checkpoint with the whole state.
public struct StoredCheckpoint: Sendable, Hashable {
  public var record: CheckpointRecord
  public var values: JSONObject

  public init(record: CheckpointRecord, values: JSONObject) {
    self.record = record
    self.values = values
  }
}

/// A checkpoint as `history` shows it.
public struct HistoryEntry: Sendable, Hashable {
  /// `deltas` may be empty here.
  public var record: CheckpointRecord

  /// The tasks whose end made it, by ordinal, as far as the store keeps them (durability `exit` keeps few); empty for
  /// inputs, updates and forks.
  public var ran: [TaskRecord]

  /// The channels written for it, in that order.
  public var changed: [ChannelName]

  /// - Parameter deltas: the channels that the checkpoint itself says it changed; empty where all that `ran` is known.
  public init(record: CheckpointRecord, ran: [TaskRecord], deltas: [ChannelName]) {
    self.record = record
    self.ran = ran
    changed = deltas.isEmpty ? ran.flatMap(\.writes).map(\.channel).eachOnce : deltas
  }
}

extension [ChannelName] {
  fileprivate var eachOnce: [ChannelName] {
    var known: Set<ChannelName> = []
    return filter { known.insert($0).inserted }
  }
}

/// Why a store refused.
public enum StoreError: Error, Sendable, Hashable {
  /// Another process has the thread.
  case busy(OwnerRecord?)

  /// The thread was taken over by another runner since.
  case fenced

  /// The store cannot be used: what is wrong and what to do.
  case unusable(String)

  /// A commit that breaks a rule of ``Checkpointer/commit(_:fence:)``: a bug in the caller.
  case refused(String)

  /// What is stored is damaged: where and how.
  case damaged(String)
}

extension StoreError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .busy(let owner?):
      "another runner has this thread (process \(owner.pid) on \(owner.host)); wait for it, or end it with graphrun stop"
    case .busy(nil): "another runner has this thread; wait for it, or end it with graphrun stop"
    case .fenced: "another runner took this thread over; this one stopped without storing anything more"
    case .unusable(let why): why
    case .refused(let why): "the store refused a commit, which is a bug in graphrun: \(why)"
    case .damaged(let why):
      "the store is damaged: \(why)" + (why.contains("graphrun doctor") ? "" : "; \(Self.damageRemedy)")
    }
  }
}
