import Foundation
public import GraphRuntime

/// Where a runner keeps its threads.
public enum Store: Sendable {
  /// A `graphrun.sqlite`, by its path or that of its folder; made where there is none. The command line looks at the
  /// same threads with `--state FOLDER`.
  case sqlite(_ path: String)

  /// Gone with the runner.
  case memory

  /// A store of one's own, which passes the conformance suite of ``Checkpointer``. Closing it is its owner's.
  case custom(any Checkpointer)

  func open() async throws -> any Checkpointer {
    switch self {
    case .memory: MemoryStore()
    case .custom(let store): store
    case .sqlite(let path): try await SQLiteStore.open(folder: try Self.folder(of: path))
    }
  }

  /// Whether the runner that opened it closes it.
  var isOwned: Bool {
    if case .custom = self { false } else { true }
  }

  private static func folder(of path: String) throws(StoreError) -> String {
    let url = URL(fileURLWithPath: path)
    switch url.pathExtension {
    case "": return url.path
    case "sqlite" where url.lastPathComponent == "graphrun.sqlite": return url.deletingLastPathComponent().path
    default:
      throw .unusable("\(path): a store is a file named graphrun.sqlite, or the folder of one")
    }
  }
}
