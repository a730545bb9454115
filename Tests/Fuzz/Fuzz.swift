import Foundation
import Graph

/// Bytes of libFuzzer's own making; `FUZZ` names what reads them. A trap, a hang or a broken promise ends it.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  unsafe target(Array(UnsafeBufferPointer(start: start, count: count)))
  return 0
}

/// SwiftPM makes an executable start here, and not in libFuzzer's own `main`.
@main
enum Fuzz {
  static func main() {
    var count = CommandLine.argc
    var arguments = unsafe CommandLine.unsafeArgv
    exit(unsafe runDriver(&count, &arguments, fuzz))
  }
}

/// libFuzzer as a library: https://llvm.org/docs/LibFuzzer.html#using-libfuzzer-as-a-library
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
  _ target: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

typealias Target = @Sendable ([UInt8]) -> Void

private let graphTargets: [String: Target] = [
  "reader": { bytes in
    let reading = GraphReader().read(String(decoding: bytes, as: UTF8.self))
    precondition(reading.graph != nil || !reading.problems.isEmpty, "a file that is refused says why")
    if let graph = reading.graph { _ = graph.text + graph.dot + graph.mermaid }
  },
  "template": { bytes in
    let text = String(decoding: bytes, as: UTF8.self)
    guard let template = try? Template(parsing: text), template.isPlain else { return }
    precondition(template.constantText != nil, "a plain template is a text")
  },
  "expression": { bytes in
    guard let expression = try? Expression(String(decoding: bytes, as: UTF8.self)) else { return }
    _ = expression.reads
  },
  "json": { bytes in
    guard let value = try? JSON(parsing: bytes) else { return }
    precondition((try? JSON(parsing: value.text)) == value, "what is written reads back as what it was")
    precondition((try? JSON(parsing: value.prettyText)) == value, "so does what is written for people")
  },
]

private let targets = graphTargets.merging(streamTargets) { $1 }.merging(storeTargets) { $1 }

private let target: Target = {
  let name = ProcessInfo.processInfo.environment["FUZZ"] ?? ""
  guard let target = targets[name] else {
    FileHandle.standardError.write(Data("FUZZ is one of \(targets.keys.sorted().joined(separator: ", "))\n".utf8))
    exit(2)
  }
  return target
}()
