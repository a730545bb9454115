import Subprocess

/// Graphviz's `dot`, which lays out pictures.
enum Graphviz {
  /// - Throws: ``CommandFailure`` when it is not installed or fails.
  static func svg(of dot: String) async throws -> String {
    do {
      let result = try await Subprocess.run(
        .name("dot"), arguments: ["-Tsvg"], input: .string(dot), output: .string(limit: 64 << 20),
        error: .string(limit: 1 << 20))
      guard result.terminationStatus.isSuccess else {
        throw CommandFailure("dot failed: \(result.standardError)")
      }
      return result.standardOutput
    } catch let error as SubprocessError {
      throw CommandFailure(
        """
        dot cannot be run (\(error)); install Graphviz (apt install graphviz, brew install graphviz), or use \
        --format mermaid
        """)
    }
  }
}
