import CJQ

/// A compiled program inside the helper.
@safe struct JQCompiled: ~Copyable {
  private var state: OpaquePointer?

  /// - Throws: jq's complaint.
  init(_ text: [UInt8]) throws(JQCompiledError) {
    unsafe state = unsafe jq_init()
    guard unsafe state != nil else { throw .failed("jq did not start") }
    var complaints = Complaints()
    let isCompiled = unsafe withUnsafeMutablePointer(to: &complaints) { pointer in
      unsafe jq_set_error_cb(state, { unsafe Complaints.add($0, $1) }, pointer)
      defer { unsafe jq_set_error_cb(state, { _, message in unsafe jv_free(message) }, nil) }
      return unsafe (text + [0]).withUnsafeBytes { buffer in
        unsafe jq_compile(state, buffer.baseAddress?.assumingMemoryBound(to: CChar.self)) != 0
      }
    }
    guard isCompiled else { throw .failed(complaints.text) }
  }

  deinit {
    guard var state = unsafe Optional(state) else { return }
    unsafe jq_teardown(&state)
  }

  /// The results on `input` as a JSON list.
  func run(on input: consuming JQValue) throws(JQCompiledError) -> [UInt8] {
    unsafe jq_start(state, input.take(), 0)
    // Frees what is still held now, so that a crash is blamed on the right expression.
    defer { unsafe jq_start(state, jv_null(), 0) }
    var writer = JSONWriter()
    writer.write(byte: UInt8(ascii: "["))
    var given = 0
    while true {
      let value = unsafe JQValue(jq_next(state))
      guard value.isValid else {
        if let message = value.message { throw .failed(message) }
        break
      }
      if given > 0 { writer.write(byte: UInt8(ascii: ",")) }
      try write(value, to: &writer)
      given += 1
    }
    writer.write(byte: UInt8(ascii: "]"))
    return writer.bytes
  }

  private func write(_ value: borrowing JQValue, to writer: inout JSONWriter) throws(JQCompiledError) {
    do {
      try value.write(to: &writer)
    } catch {
      switch error {
      case .refused(let message): throw .failed(message)
      case .tooLarge: throw .tooLarge
      }
    }
  }
}

enum JQCompiledError: Error {
  case failed(String)
  case tooLarge
}

/// What jq says while compiling.
private struct Complaints {
  var text = ""

  static func add(_ context: UnsafeMutableRawPointer?, _ message: jv) {
    let message = unsafe JQValue(jq_format_error(message))
    let text = message.text
    unsafe context?.assumingMemoryBound(to: Complaints.self).pointee.text += text + "\n"
  }
}

extension JQValue {
  fileprivate var text: String {
    var writer = JSONWriter()
    guard (try? write(to: &writer)) != nil else { return "" }
    return (try? JSON(parsing: writer.bytes))?.stringValue ?? ""
  }
}
