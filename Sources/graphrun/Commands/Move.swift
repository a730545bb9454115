import ArgumentParser
import Foundation
import Graph
import GraphNodes
import GraphRuntime
import Synchronization

/// Writes a thread to a file.
struct Export: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write a thread with all its checkpoints as JSON lines.",
    discussion: "  graphrun export monday --output monday.jsonl\n  graphrun export monday > monday.jsonl")

  @Argument(help: "The thread.", completion: .thread) var thread: ThreadID
  @Option(help: ArgumentHelp("The file; else, or with -, standard output.", valueName: "file"), completion: .file())
  var output: String?
  @OptionGroup(title: "Everywhere") var global: GlobalOptions

  func run() async throws {
    let store = try await global.requireStore()
    guard let output, output != "-" else {
      return try await ThreadArchive.write(thread, of: store) {
        Sink.output.write(String(decoding: $0, as: UTF8.self))
        if let failure = Sink.output.failure { throw CommandFailure("\(failure), or name a file with --output") }
      }
    }
    let file = try NewFile(output)
    do {
      try await ThreadArchive.write(thread, of: store) { try file.write($0) }
      try file.finish()
    } catch {
      file.discard()
      throw error
    }
    if global.json {
      let line: JSON = ["thread": .string(thread.rawValue), "file": .string(output), "bytes": .int(file.size)]
      return Sink.output.line(line.text)
    }
    Sink.output.line("thread \(thread): \(ByteCount(file.size)) in \(SafeText.line(output))")
  }
}

/// Makes threads of an exported file.
struct Import: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Make threads of an exported file; nothing runs.",
    discussion: """
        graphrun import monday.jsonl
        graphrun import monday.jsonl --thread tuesday

      What its graph would run is shown. Everything in the file is checked first. A thread that exists is refused. Under its own name a thread keeps its \
      idempotency keys, under another it gets new ones.
      """)

  @Argument(help: "The file.", completion: .file()) var file: String
  @Option(help: ArgumentHelp("Another name for the thread (letters, digits, . _ and -).", valueName: "new")) var thread:
    ThreadID?
  @OptionGroup(title: "Everywhere") var global: GlobalOptions

  func run() async throws {
    let store = try await global.openStore()
    try await closing(store) {
      let headers = try await Engine(store: store, kinds: .builtIn).importThreads(from: file, as: thread)
      for header in headers { show(header, deeds: try await deeds(of: header, in: store)) }
    }
  }

  private func deeds(of header: ThreadRecord, in store: SQLiteStore) async throws -> [Deed] {
    try await StoredGraph(global: global, store: store).graph(of: header, original: true).deeds
  }

  private func show(_ header: ThreadRecord, deeds: [Deed]) {
    if global.json {
      var line = header.json.objectValue ?? [:]
      line["runs"] = .array(deeds.map(\.json))
      return Sink.output.line(JSON.object(line).text)
    }
    let next = header.next.isEmpty ? "" : ", next: \(header.next.spoken)"
    Sink.output.line(
      "thread \(header.id) of \(SafeText.line(header.graphName)): \(header.status.rawValue) at checkpoint \(header.head)\(next)"
    )
    if !deeds.isEmpty, !global.quiet {
      Sink.output.line("what its graph runs:")
      for line in deeds.flatMap(\.lines) { Sink.output.line("  \(SafeText.line(line))") }
    }
    Sink.output.line("look:  " + global.command("show", header.id.rawValue))
    if header.status != .done { Sink.output.line("then:  " + global.command("resume", header.id.rawValue)) }
  }
}

/// A file that is there whole, or not at all; only its owner may read it. Of what is there only a file is replaced.
private final class NewFile: Sendable {
  private let path: String
  private let temporary: String
  private let descriptor: Int32
  private let written = Mutex(0)

  var size: Int { written.withLock { $0 } }

  init(_ path: String) throws {
    self.path = path
    var there = stat()
    guard unsafe lstat(path, &there) != 0 || there.st_mode & S_IFMT == S_IFREG else {
      throw UsageError("\(path): there already, and no file; name another with --output, or - for standard output")
    }
    var template = Array("\(path).XXXXXX".utf8CString)
    descriptor = unsafe template.withUnsafeMutableBufferPointer {
      unsafe $0.baseAddress.map { unsafe mkstemp($0) } ?? -1
    }
    temporary = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    guard descriptor >= 0 else { throw Self.failure("make", path) }
  }

  func write(_ bytes: [UInt8]) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes { unsafe Foundation.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 {
        if errno == EINTR { continue }
        throw Self.failure("write", path)
      }
      rest.removeFirst(count)
    }
    written.withLock { $0 += bytes.count }
  }

  func finish() throws {
    guard fsync(descriptor) == 0, unsafe rename(temporary, path) == 0 else { throw Self.failure("write", path) }
    close(descriptor)
  }

  func discard() {
    _ = unsafe unlink(temporary)
    close(descriptor)
  }

  private static func failure(_ what: String, _ path: String) -> CommandFailure {
    CommandFailure(
      "cannot \(what) \(path): \(unsafe String(cString: strerror(errno))); name another file with --output",
      status: errno == ENOSPC || errno == EIO ? .failed : .usage)
  }
}
