import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A stream of the process that people or programs read; writes are whole, in order, and not buffered.
final class Sink: Sendable {
  static let output = Sink(STDOUT_FILENO)
  static let error = Sink(STDERR_FILENO)

  private let descriptor: Int32
  private let state = Mutex(State())

  private struct State {
    var isClosed = false
    var failure: Int32?
    var onClose: (@Sendable () -> Void)?
  }

  private init(_ descriptor: Int32) {
    self.descriptor = descriptor
  }

  /// Calls `action` once when a write finds nobody reading.
  func onClose(_ action: @escaping @Sendable () -> Void) {
    state.withLock { $0.onClose = action }
  }

  /// Why not all could be written; `nil` too where nobody reads any more, who wants no more.
  var failure: CommandFailure? {
    state.withLock { $0.failure }.map {
      CommandFailure(
        "standard output: \(unsafe String(cString: strerror($0))); look at where it is sent, then run again")
    }
  }

  func line(_ text: String) { write(text + "\n") }

  func write(_ text: String) {
    var text = text
    let action: (@Sendable () -> Void)? = state.withLock { state in
      guard !state.isClosed else { return nil }
      let isWritten = text.withUTF8 { unsafe Self.write(UnsafeRawBufferPointer($0), to: descriptor) }
      guard !isWritten else { return nil }
      state.isClosed = true
      if errno != EPIPE { state.failure = errno }
      defer { state.onClose = nil }
      return state.onClose
    }
    action?()
  }

  private static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Bool {
    var rest = unsafe bytes[...]
    while unsafe !rest.isEmpty {
      let slice = unsafe UnsafeRawBufferPointer(rebasing: rest)
      #if canImport(Darwin)
        let count = unsafe Darwin.write(descriptor, slice.baseAddress, slice.count)
      #elseif canImport(Glibc)
        let count = unsafe Glibc.write(descriptor, slice.baseAddress, slice.count)
      #else
        let count = unsafe Musl.write(descriptor, slice.baseAddress, slice.count)
      #endif
      if count >= 0 {
        unsafe rest = rest.dropFirst(count)
      } else if errno == EAGAIN {
        var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = unsafe poll(&wait, 1, -1)
      } else if errno != EINTR {
        return false
      }
    }
    return true
  }
}
