import Foundation
import Subprocess
import SystemPackage

/// A terminal that the program runs on: what it shows, and keys pressed on it.
final class TestTerminal: Sendable {
  private let primary: Int32
  fileprivate let replica: FileDescriptor

  fileprivate init() throws {
    primary = unsafe open("/dev/ptmx", O_RDWR | O_NOCTTY)
    replica = FileDescriptor(rawValue: unsafe open(try Self.replica(of: primary), O_RDWR | O_NOCTTY))
    guard replica.rawValue >= 0 else { throw Errno(rawValue: errno) }
    var size = winsize(ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0)
    _ = unsafe ioctl(primary, UInt(TIOCSWINSZ), &size)
    _ = fcntl(primary, F_SETFL, O_NONBLOCK)
  }

  private static func replica(of primary: Int32) throws -> String {
    #if canImport(Darwin)
      guard grantpt(primary) == 0, unlockpt(primary) == 0, let name = unsafe ptsname(primary) else {
        throw Errno(rawValue: errno)
      }
      return unsafe String(cString: name)
    #else
      // Glibc's functions for it are not in its module.
      let (unlock, number): (UInt, UInt) = (0x4004_5431, 0x8004_5430)
      var locked: Int32 = 0
      var index: Int32 = 0
      guard unsafe ioctl(primary, unlock, &locked) == 0, unsafe ioctl(primary, number, &index) == 0 else {
        throw Errno(rawValue: errno)
      }
      return "/dev/pts/\(index)"
    #endif
  }

  func press(_ keys: String) {
    _ = unsafe keys.withCString { unsafe write(primary, $0, strlen($0)) }
  }

  /// What is shown from now until `text` is among it.
  @discardableResult func shows(_ text: String) async throws -> String {
    var shown: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while !Task.isCancelled {
      let count = unsafe read(primary, &buffer, buffer.count)
      if count > 0 { shown += buffer.prefix(count) } else { try await Task.sleep(for: .milliseconds(10)) }
      let now = String(decoding: shown, as: UTF8.self)
      if now.contains(text) { return now }
    }
    throw CancellationError()
  }

  fileprivate func close() {
    _ = Foundation.close(primary)
    try? replica.close()
  }
}

extension Tool {
  /// Runs the program on a terminal while `use` looks at it; its exit code.
  func onTerminal(
    _ arguments: String..., use: @Sendable @escaping (TestTerminal) async throws -> Void
  ) async throws -> Int? {
    let terminal = try TestTerminal()
    defer { terminal.close() }
    let result = try await run(
      .path(FilePath(Self.path)), arguments: Arguments(arguments),
      environment: .inherit.updating(["GRAPHRUN_STATE": nil, "NO_COLOR": "1", "TERM": "xterm"]),
      workingDirectory: FilePath(folder.path),
      input: .fileDescriptor(terminal.replica, closeAfterSpawningProcess: false),
      output: .fileDescriptor(terminal.replica, closeAfterSpawningProcess: false), error: .discarded
    ) { _ in try await use(terminal) }
    guard case .exited(let code) = result.terminationStatus else { return nil }
    return Int(code)
  }
}
