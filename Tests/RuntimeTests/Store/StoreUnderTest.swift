import Foundation
import Graph
import GraphRuntime
import Testing

/// A kind of store that the conformance suite runs on. A third kind is one more element of ``all``.
struct StoreUnderTest: Sendable, CustomTestStringConvertible {
  var testDescription: String
  private let body: @Sendable (@Sendable (any Checkpointer) async throws -> Void) async throws -> Void

  /// Runs `test` on a new, empty store and takes everything away afterwards.
  func with(_ test: @Sendable (any Checkpointer) async throws -> Void) async throws { try await body(test) }

  static let all = [memory, sqlite]

  static let memory = StoreUnderTest(testDescription: "memory") { test in try await test(MemoryStore()) }

  static let sqlite = StoreUnderTest(testDescription: "SQLite") { test in
    try await withFolder { folder in
      let store = try await SQLiteStore.open(folder: folder, patience: .milliseconds(500))
      try await test(store)
      try await store.close()
    }
  }
}

/// A folder of its own for one test.
func withFolder<Value>(
  isolation: isolated (any Actor)? = #isolation, _ body: (String) async throws -> Value
) async throws -> Value {
  let folder = FileManager.default.temporaryDirectory.appending(path: "graphrun-\(UUID().uuidString)").path
  try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(atPath: folder) }
  return try await body("\(folder)/state")
}
