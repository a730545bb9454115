import Foundation
import Graph

/// What libFuzzer calls with bytes of its own making; `FUZZ` names what reads them. A trap, a hang or a broken promise ends it.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = unsafe Array(UnsafeBufferPointer(start: start, count: count))
  unsafe target(bytes)
  return 0
}

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
