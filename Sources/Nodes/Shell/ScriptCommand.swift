import Graph
import GraphRuntime

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A script and what runs it.
struct Script: Sendable {
  var text: String

  /// The program and its options.
  var interpreter: [String]

  /// What the script is called in its own messages.
  var name: String

  static let standardInterpreter = ["/bin/sh", "-eu"]
}

/// How a script is handed to its interpreter: one argument to a shell, a file of its own to anything else.
///
/// A shell then says `deploy: 3: foo: not found` with the node's name and the script's line. Never is the script put
/// together with other text.
struct ScriptCommand {
  let program: String
  let arguments: [String]
  private let file: ScriptFile?

  /// Linux takes 128 KiB in one argument.
  private static let longestArgument = 96 << 10
  private static let shells: Set<String> = ["sh", "bash", "dash", "ash", "ksh", "mksh", "zsh"]

  init(_ script: Script) throws(NodeFailure) {
    program = script.interpreter[0]
    let options = script.interpreter.dropFirst()
    let isShell = Self.shells.contains(program.split(separator: "/").last.map(String.init) ?? program)
    if isShell, script.text.utf8.count <= Self.longestArgument {
      // Not to be taken for an option.
      let isOption = script.text.hasPrefix("-") || script.text.hasPrefix("+")
      arguments = options + ["-c", (isOption ? " " : "") + script.text, script.name]
      file = nil
    } else {
      let file = try ScriptFile(script)
      arguments = options + [file.path]
      self.file = file
    }
  }

  /// Nothing but the arguments is needed.
  var isSelfContained: Bool { file == nil }

  func cleanUp() {
    file?.remove()
  }
}

/// A script in a file that only its user can read.
private struct ScriptFile {
  let path: String
  private let folder: String

  init(_ script: Script) throws(NodeFailure) {
    do throws(SystemFailure) {
      var name = Array("\(Platform.temporaryFolder)/graphrun.XXXXXXXX".utf8CString)
      guard let made = unsafe mkdtemp(&name) else { throw SystemFailure("mkdtemp") }
      folder = unsafe String(cString: made)
      path = "\(folder)/\(script.name)"
      let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
      guard descriptor >= 0 else { throw SystemFailure("open \(path)") }
      defer { close(descriptor) }
      try Platform.write(Array(script.text.utf8), to: descriptor)
    } catch {
      throw NodeFailure(.spawn, "could not write the script: \(error)", precedesEffect: true)
    }
  }

  func remove() {
    _ = unsafe unlink(path)
    _ = unsafe rmdir(folder)
  }
}
